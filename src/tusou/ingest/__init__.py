"""What suppliers deliver, read and brought into the library."""
