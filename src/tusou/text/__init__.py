"""The one way words enter: normalise, detect language, segment."""
