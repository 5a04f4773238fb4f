"""How features of a query and of an image become one score."""
