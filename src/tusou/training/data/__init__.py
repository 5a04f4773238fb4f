"""What models learn from: (query, list of images) and images of known classes."""
