"""The words a text tower knows: found as in search, counted in the training queries, kept as a word list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.encoders.tokenizers_words import SPECIAL
from tusou.errors import DataError
from tusou.text.analyze import analyze
from tusou.text.idf import smoothed_idf
from tusou.text.word_vectors import WordVectors

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Vocabulary:
    """Words by id; ids 0 and 1 are padding and the unknown word.

    Attributes:
        words: (vocabulary,) the words, SPECIAL first.
        idf: (vocabulary,) smoothed inverse document frequency over the queries; 0 for SPECIAL.
        surfaces: The spelling each word was met in most often (dogs for dog): what word vectors know.
    """

    words: tuple[str, ...]
    idf: Vectors
    surfaces: tuple[str, ...]

    def write(self, path: Path) -> None:
        """Write the word list, one word a line, as a bundle's ``words`` tokenizer reads it."""
        path.write_text("\n".join(self.words) + "\n", encoding="utf-8")

    def vectors(self, sources: Sequence[WordVectors], seed: int = 0) -> tuple[Vectors, int]:
        """Initial vectors of the words: of the first source that knows the word, zeros behind its length.

        A word no source knows gets a small random vector.

        Args:
            sources: In order of preference.
            seed: Of the random ones.

        Returns:
            (vocabulary, longest dim) float32, and how many words were found.
        """
        dim = max(source.dim for source in sources)
        rng = np.random.default_rng(seed)
        matrix = rng.normal(scale=0.1 * dim**-0.5, size=(len(self.words), dim)).astype(np.float32)
        matrix[0] = 0
        found = 0
        for i, spellings in enumerate(zip(self.surfaces, self.words, strict=True)):
            known = ((source, source.find(each)) for source in sources for each in spellings)
            source, row = next(((source, row) for source, row in known if row is not None), (None, None))
            if i >= len(SPECIAL) and source is not None and row is not None:
                matrix[i] = 0
                matrix[i, : source.dim] = source.matrix[row]
                found += 1
        return matrix, found


def build_vocabulary(queries: Sequence[str], min_count: int) -> Vocabulary:
    """Collect the words of the training queries, most frequent first.

    Args:
        queries: Texts.
        min_count: Rarer words are unknown words.

    Raises:
        DataError: No word is frequent enough.
    """
    counts: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    for query in queries:
        words = analyze(query).words
        counts.update(words)
        documents.update(set(words))
        _note_spellings(query, spellings)
    kept = sorted((word for word, n in counts.items() if n >= min_count), key=lambda w: (-counts[w], w))
    if not kept:
        raise DataError(
            f"no word occurs {min_count} times in the training queries; lower text.min_count",
            reason="no_vocabulary",
        )
    idf = [0.0, 0.0, *(smoothed_idf(len(queries), documents[word]) for word in kept)]
    surfaces = [spellings[word].most_common(1)[0][0] if word in spellings else word for word in kept]
    return Vocabulary((*SPECIAL, *kept), np.array(idf, np.float32), (*SPECIAL, *surfaces))


def _note_spellings(query: str, spellings: dict[str, Counter[str]]) -> None:
    """Count how the stems of a query's words were spelt."""
    for piece in query.lower().split():
        words = analyze(piece).words
        if len(words) == 1 and piece.isascii():
            spellings.setdefault(words[0], Counter())[piece.strip(".,;:!?'\"()")] += 1
