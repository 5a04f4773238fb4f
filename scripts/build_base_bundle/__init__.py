"""Build the shipped model bundle ``base``; ``python -m build_base_bundle --help`` from scripts/."""
