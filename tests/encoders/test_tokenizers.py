"""Every kind of tokenizer marks, cuts, pads and refuses as its manifest says."""

import sys
from pathlib import Path

import pytest

from bundle_builder import Kind, build_bundle
from tusou.encoders.bundle_encoder import open_encoder
from tusou.encoders.tokenizers import open_tokenizer
from tusou.encoders.tokenizers_base import TokenReader
from tusou.errors import BundleError
from tusou.models.bundle import load_bundle
from tusou.models.manifest import JsonTokenizer, WordsTokenizer

KINDS: tuple[Kind, ...] = ("sentencepiece", "words", "tokenizers")


def reader_of(folder: Path, kind: Kind) -> TokenReader:
    bundle = load_bundle(build_bundle(folder, kind=kind))
    spec = bundle.manifest.text.tokenizer
    return open_tokenizer(bundle.file(spec.file), spec)


@pytest.mark.parametrize("kind", ["sentencepiece", "tokenizers"])
def test_ids_are_marked_at_both_ends_and_capped(tmp_path: Path, kind: Kind) -> None:
    reader = reader_of(tmp_path, kind)
    assert (reader.ids("red")[0], reader.ids("red")[-1]) == (1, 2)
    long = reader.ids("red " * 1000)
    assert (len(long), long[0], long[-1]) == (16, 1, 2)
    assert reader.ids("") == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_case_is_folded(tmp_path: Path, kind: Kind) -> None:
    reader = reader_of(tmp_path, kind)
    assert reader.ids("Red") == reader.ids("red") != reader.ids("green")


@pytest.mark.parametrize("kind", ["sentencepiece", "words"])
def test_batch_pads_to_the_longest_and_masks(tmp_path: Path, kind: Kind) -> None:
    ids, mask = reader_of(tmp_path, kind).batch([[1, 5, 2], [1, 2]])
    assert ids.tolist() == [[1, 5, 2], [1, 2, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 1, 0]]


def test_a_tower_of_fixed_length_gets_it(tmp_path: Path) -> None:
    ids, mask = reader_of(tmp_path, "tokenizers").batch([[1, 5, 2], [1, 2]])
    assert ids.tolist() == [[1, 5, 2] + [0] * 13, [1, 2] + [0] * 14]
    assert mask.sum(axis=1).tolist() == [3, 2]


def test_words_are_those_of_search(tmp_path: Path) -> None:
    """Traditional characters, plurals and full width reach the same ids, as they do in search."""
    reader = reader_of(tmp_path, "words")
    assert reader.ids("紅色") == reader.ids("红色") == [5]
    assert reader.ids("Reds, ＢＬＵＥ!") == [2, 4]
    assert reader.ids("zebra red") == [1, 2]
    assert reader.ids("") == reader.ids("!?") == [1]
    assert len(reader.ids("red " * 1000)) == 16


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", [True, False])
def test_every_kind_finds_the_colour(tmp_path: Path, kind: Kind, mask: bool) -> None:
    encoder = open_encoder(build_bundle(tmp_path, kind=kind, mask=mask))
    embeddings = encoder.encode_texts(["red", "green red red", "a BLUE tree that is rather blue"])
    assert embeddings.argmax(axis=1).tolist() == [0, 0, 2]


def test_ends_may_be_missing(tmp_path: Path) -> None:
    bundle = load_bundle(build_bundle(tmp_path, kind="tokenizers"))
    spec = bundle.manifest.text.tokenizer
    assert isinstance(spec, JsonTokenizer)
    bare = spec.model_copy(update={"bos": None, "eos": None, "max_tokens": 3})
    reader = open_tokenizer(bundle.file(spec.file), bare)
    assert reader.ids("red green blue red") == [4, 5, 6]
    assert reader.ids("") == [0]


def test_ends_of_the_file_are_not_added_to_those_of_the_manifest(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, processors

    bundle = load_bundle(build_bundle(tmp_path, kind="tokenizers"))
    path = bundle.file("tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.post_processor = processors.BertProcessing(("</s>", 2), ("<s>", 1))
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(path))
    reader = open_tokenizer(path, bundle.manifest.text.tokenizer)
    assert reader.ids("red green blue") == [1, 4, 5, 6, 2]


def test_a_missing_library_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    encoder = open_encoder(build_bundle(tmp_path, kind="tokenizers"))
    with pytest.raises(BundleError, match=r"tokenizer\.json needs .*tusou\[hub\]") as caught:
        encoder.encode_texts(["red"])
    assert caught.value.reason == "missing_extra"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe\x00"])
def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path, kind: Kind, content: bytes) -> None:
    bundle = load_bundle(build_bundle(tmp_path, kind=kind))
    spec = bundle.manifest.text.tokenizer
    bundle.file(spec.file).write_bytes(content)
    with pytest.raises(BundleError, match=spec.file) as caught:
        open_tokenizer(bundle.file(spec.file), spec)
    assert caught.value.reason == "bundle_tokenizer"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("<unk>\n<pad>\nred", "first lines <pad> and <unk>, found"),
        ("<pad>\n<unk>\nred\nblue\nred\n", "line 5: .*found 'red'"),
        ("<pad>\n<unk>\n\nred\n", "line 3: .*found ''"),
    ],
)
def test_a_wrong_vocabulary_names_the_line(tmp_path: Path, lines: str, words: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(BundleError, match=words):
        open_tokenizer(path, WordsTokenizer(type="words", file="words.txt", max_tokens=8))
