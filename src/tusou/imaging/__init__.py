"""Bytes to validated pixels, thumbnail, quality, fingerprints and colours."""
