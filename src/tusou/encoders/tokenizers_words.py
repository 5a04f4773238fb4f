"""Words to ids with a vocabulary file, segmented as in search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tusou.encoders.tokenizers_base import Ids, pad_rows
from tusou.errors import BundleError
from tusou.models.manifest import WordsTokenizer
from tusou.text.analyze import analyze

SPECIAL = ("<pad>", "<unk>")
"""First lines of a vocabulary file; their ids are 0 and 1."""

PAD, UNKNOWN = range(2)


class WordReader:
    """Words found by ``tusou.text.analyze``, looked up in a list; implements ``TokenReader``."""

    def __init__(self, path: Path, spec: WordsTokenizer) -> None:
        """Read a vocabulary.

        Args:
            path: Its file.
            spec: Length, from the manifest.

        Raises:
            BundleError: The file is no vocabulary; the message names the line.
        """
        self._spec = spec
        self._ids = read_vocabulary(path)

    def ids(self, text: str) -> list[int]:
        """Ids of a text's words, ``<unk>`` for those not listed and for a text without words."""
        words = analyze(text).words[: self._spec.max_tokens]
        return [self._ids.get(word, UNKNOWN) for word in words] or [UNKNOWN]

    def batch(self, rows: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
        """Pad rows of ids to the longest."""
        return pad_rows(rows, PAD)


def read_vocabulary(path: Path) -> dict[str, int]:
    """Words of a vocabulary file with their ids.

    Raises:
        BundleError: Not UTF-8, not opened by ``<pad>`` and ``<unk>``, or a line empty or repeated.
    """
    try:
        lines = path.read_text("utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _broken(path, f"expected UTF-8 text, found {error}") from error
    if tuple(lines[:2]) != SPECIAL:
        raise _broken(path, f"expected first lines {' and '.join(SPECIAL)}, found {lines[:2]}")
    ids: dict[str, int] = {}
    for i, word in enumerate(lines):
        if not word or word in ids:
            raise _broken(path, f"line {i + 1}: expected a new word, found {word!r}")
        ids[word] = i
    return ids


def _broken(path: Path, problem: str) -> BundleError:
    return BundleError(f"{path} is no vocabulary: {problem}", reason="bundle_tokenizer")
