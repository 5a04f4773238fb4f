"""Build ``demo/`` from Debian packages: real images with the titles, authors and licences of their sources.

Run from the root of the repository::

    PYTHONPATH=scripts python -m build_demo_library --output demo --packages DIR

One module per supplier reads its packages and yields items (:mod:`build_demo_library.model`); the same
pictures-to-shards path serves them all. Nothing here invents, guesses or translates metadata.
"""
