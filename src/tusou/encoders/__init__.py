"""Pictures and words to embeddings, over a model bundle."""
