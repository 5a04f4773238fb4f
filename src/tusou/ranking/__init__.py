"""Second stage: candidates to a ranked list, with the reasons."""
