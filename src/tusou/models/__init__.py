"""Model bundles: manifest, digests, loading; no torch."""
