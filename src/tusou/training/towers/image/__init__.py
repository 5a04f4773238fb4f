"""Image towers: one file for each family, all of them in ``registry.IMAGE_TOWERS``."""
