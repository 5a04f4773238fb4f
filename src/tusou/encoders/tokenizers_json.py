"""Words to ids with a ``tokenizer.json`` of a model hub; needs the extra ``hub``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tusou.encoders.tokenizers_base import Ids, pad_rows
from tusou.errors import BundleError, EncoderError
from tusou.models.manifest import JsonTokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class JsonTokenReader:
    """Normaliser, splitter and model of the file, ends and padding of the manifest; a ``TokenReader``."""

    def __init__(self, path: Path, spec: JsonTokenizer) -> None:
        """Open a tokenizer.

        Args:
            path: Its ``tokenizer.json``.
            spec: Special ids, length and case, from the manifest.

        Raises:
            BundleError: The extra ``hub`` is not installed, or the file is no tokenizer.
        """
        self._spec = spec
        self._tokenizer = _open(path)
        ends = [end for end in (spec.bos, spec.eos) if end is not None]
        self._room = spec.max_tokens - len(ends)

    def ids(self, text: str) -> list[int]:
        """Ids of one text, its ends marked; a text without tokens gets one ``pad`` when it has no ends.

        Raises:
            EncoderError: The vocabulary lacks what the text needs.
        """
        spec = self._spec
        text = text.lower() if spec.lowercase else text
        try:
            row = self._tokenizer.encode(text, add_special_tokens=False).ids[: self._room]
        except Exception as error:  # the library raises bare Exception, as for an unknown token not listed
            raise EncoderError(f"tokenizer {spec.file} failed: {error}") from error
        front = [] if spec.bos is None else [spec.bos]
        back = [] if spec.eos is None else [spec.eos]
        return [*front, *row, *back] or [spec.pad]

    def batch(self, rows: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
        """Pad rows of ids to the longest, or all to ``max_tokens`` when the tower wants that."""
        return pad_rows(rows, self._spec.pad, self._spec.max_tokens if self._spec.pad_to_max else 0)


def _open(path: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer  # here: serving the shipped bundle does without
    except ImportError as error:
        raise BundleError(
            f"{path} needs the tokenizers library; install it with pip install 'tusou[hub]'",
            reason="missing_extra",
        ) from error
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare Exception
        raise BundleError(f"{path} is no tokenizer.json: {error}", reason="bundle_tokenizer") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
