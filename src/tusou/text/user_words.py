"""A library's own Chinese words: keywords the built-in dictionary does not know, kept in a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from tusou.text.analyze import Analyzer
from tusou.text.language import HAN
from tusou.text.normalize import normalize

NAME = "user_words.txt"
"""File name beside the index."""

_WORD = re.compile(f"[{HAN}]{{2,6}}")


class UserWords:
    """Words of a library, and the analyzer that keeps them whole.

    The file has one word per line and only grows. A writer learns from keywords as it indexes, readers follow
    the file. A document analysed before a word was learned is still found by it: search mode also yields the
    words inside, and bigrams know no words at all.

    Attributes:
        analyzer: Segments with the words known so far.
        path: The file.
    """

    def __init__(self, folder: Path) -> None:
        """Read the words of an index folder; a missing file holds none."""
        self.analyzer = Analyzer()
        self.path = folder / NAME
        self._read = 0
        self._words: set[str] = set()
        self.follow()

    def follow(self) -> None:
        """Learn what another process added. Not safe while other threads use the analyzer."""
        try:
            size = self.path.stat().st_size
            if size == self._read:
                return
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        start = self._read if len(data) > self._read else 0  # a rebuild begins a new file
        self._read = len(data)
        self._keep(data[start:].decode("utf-8", "ignore").split())

    def learn(self, keywords: Iterable[str]) -> None:
        """Keep those of the keywords that are new Chinese words of 2 to 6 characters."""
        candidates = dict.fromkeys(word for word in map(normalize, keywords) if _WORD.fullmatch(word))
        new = [word for word in candidates if word not in self._words and not self.analyzer.knows(word)]
        if not new:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write("".join(f"{word}\n" for word in new).encode())
            self._read = file.tell()
        self._keep(new)

    def _keep(self, words: Iterable[str]) -> None:
        new = [word for word in words if _WORD.fullmatch(word) and word not in self._words]
        self._words.update(new)
        self.analyzer.add_words(new)
