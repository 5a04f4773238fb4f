"""Files of word vectors: word2vec text and binary, GloVe, npz; plain, compressed, or inside an archive."""

from tusou.text.word_files.arrays import npz_bytes
from tusou.text.word_files.load import load_word_vectors

__all__ = ["load_word_vectors", "npz_bytes"]
