"""Towers, scorers, objectives and the trainer: from a configuration to a bundle. The only home of torch."""
