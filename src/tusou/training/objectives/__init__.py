"""What training minimises: one loss per file, all of the same shape."""
