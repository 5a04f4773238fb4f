"""Text towers: one file for each family, all of them in ``registry.TEXT_TOWERS``."""
