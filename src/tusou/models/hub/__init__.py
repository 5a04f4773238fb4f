"""Known models of public hubs, and the way from their files to a bundle (``tusou models pull``)."""
