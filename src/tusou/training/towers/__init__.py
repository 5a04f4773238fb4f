"""The two sides of a model: pixels to image features, words to text features."""
