"""One reader per format of training data: ``recognises`` looks, ``read`` reads and counts what it skips."""
