"""Words to ids with a SentencePiece model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import sentencepiece

from tusou.encoders.tokenizers_base import Ids, pad_rows
from tusou.errors import BundleError
from tusou.models.manifest import SentencePieceTokenizer


class SentencePieceReader:
    """Both ends marked, rows padded to the longest of the batch; implements ``TokenReader``."""

    def __init__(self, path: Path, spec: SentencePieceTokenizer) -> None:
        """Open a model.

        Args:
            path: Its file.
            spec: Special ids, length and case, from the manifest.

        Raises:
            BundleError: The file is no SentencePiece model.
        """
        self._spec = spec
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
        except (OSError, RuntimeError) as error:
            raise BundleError(
                f"{path} is no SentencePiece model: {error}", reason="bundle_tokenizer"
            ) from error

    def ids(self, text: str) -> list[int]:
        """Ids of one text, both ends marked, at most ``max_tokens`` long."""
        text = text.lower() if self._spec.lowercase else text
        body = self._processor.encode(text)[: self._spec.max_tokens - 2]
        return [self._spec.bos, *body, self._spec.eos]

    def batch(self, rows: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
        """Pad rows of ids to the longest."""
        return pad_rows(rows, self._spec.pad)
