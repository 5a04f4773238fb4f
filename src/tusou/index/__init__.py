"""Inverted and vector index behind one protocol."""
