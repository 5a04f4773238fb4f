"""Open the tokenizer a manifest describes."""

from __future__ import annotations

from pathlib import Path

from tusou.encoders.tokenizers_base import TokenReader
from tusou.encoders.tokenizers_json import JsonTokenReader
from tusou.encoders.tokenizers_sentencepiece import SentencePieceReader
from tusou.encoders.tokenizers_words import WordReader
from tusou.models.manifest import SentencePieceTokenizer, Tokenizer, WordsTokenizer


def open_tokenizer(path: Path, spec: Tokenizer) -> TokenReader:
    """Open a tokenizer of any kind.

    Args:
        path: Its file.
        spec: What the manifest says of it.

    Raises:
        BundleError: The file is damaged, or its kind needs an extra that is not installed.
    """
    if isinstance(spec, SentencePieceTokenizer):
        return SentencePieceReader(path, spec)
    if isinstance(spec, WordsTokenizer):
        return WordReader(path, spec)
    return JsonTokenReader(path, spec)
