"""Tiny tokenizers of the four families, built as the real ones are."""

from __future__ import annotations

from functools import cache

from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

COLORS = {"red": 0, "green": 1, "blue": 2, "红": 0, "绿": 1, "蓝": 2}
"""Words the tiny towers know, with the axis of their colour."""

_TEXTS = [
    "red green blue car dog beach",
    "a red car",
    "two dogs on a beach",
    "红 绿 蓝 色 汽 车 狗 沙 滩 上 的",
] * 5


@cache
def gemma() -> str:
    """SentencePiece-like BPE with byte fallback; SigLIP 2 lower-cases before it."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("(?<=▁)|(?=▁)"), "isolated")
    special = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(_TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", tokenizer.token_to_id("<eos>"))]
    )
    return tokenizer.to_str()


@cache
def bert() -> str:
    """WordPiece, each Chinese character a token of its own."""
    words = [*COLORS, "car", "dog", "##s", "a", "on", *"一辆色的汽车沙滩上两只狗"]
    vocabulary = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer.to_str()


@cache
def xlmr() -> str:
    """SentencePiece unigram with words' beginnings marked; the vocabulary is a list with scores."""
    pieces = [f"▁{word}" for word in COLORS if word.isascii()] + ["▁car", "▁a", "▁two", "▁dogs", "▁on"]
    characters = sorted(set("abcdefghijklmnopqrstuvwxyz▁红绿蓝一辆色的汽车沙滩上两只狗"))
    vocabulary = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    vocabulary += [(piece, -2.0) for piece in pieces] + [(character, -4.0) for character in characters]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer.to_str()


@cache
def clip() -> str:
    """Byte-level BPE with marked word ends, ``!`` as id 0, the end token as the largest id."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [merge for word in ("green", "red", "blue", "car", "dogs") for merge in _merges(word)]
    listed = [*alphabet, *(f"{letter}</w>" for letter in alphabet), *map("".join, merges)]
    vocabulary = {token: i for i, token in enumerate(listed)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(r"\s+"), "removed"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token in ("<|startoftext|>", "<|endoftext|>")]
    )
    tokenizer.enable_padding(
        pad_id=tokenizer.token_to_id("<|endoftext|>"), pad_token="<|endoftext|>", length=77
    )
    assert tokenizer.token_to_id("!") == 0
    return tokenizer.to_str()


def _merges(word: str) -> list[tuple[str, str]]:
    """Build a word from its left end; the last letter carries the mark of the end."""
    letters = [*word[:-1], f"{word[-1]}</w>"]
    return [("".join(letters[:i]), letters[i]) for i in range(1, len(letters))]
