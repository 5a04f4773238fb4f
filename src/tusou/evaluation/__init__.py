"""Measures and experiments; numpy only."""
