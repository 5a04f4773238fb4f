"""Does a learned score beat traditional features where keywords are poor? An experiment that may fail."""
