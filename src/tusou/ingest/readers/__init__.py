"""One reader per kind of source a supplier delivers."""
