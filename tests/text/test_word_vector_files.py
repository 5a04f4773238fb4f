"""Every format is recognised by what it holds, and damage is counted or named with file and line."""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tusou.errors import DataError
from tusou.text.word_files import load_word_vectors, npz_bytes
from tusou.text.word_vectors import WordVectors

WORDS = ("the", "狗", "new york", "猫")
MATRIX = np.array([[0.5, -1.25, 3], [1, 0, 0], [0.25, 0.5, 0.125], [-1, 2, 4e-3]], np.float32)


def glove(words: tuple[str, ...] = WORDS, matrix: np.ndarray = MATRIX) -> bytes:
    rows = zip(words, matrix.tolist(), strict=True)
    return "".join(f"{word} {' '.join(map(repr, row))}\n" for word, row in rows).encode()


def word2vec_text() -> bytes:
    """As the original tool writes it: a space at the end of each line."""
    return b"4 3\n" + glove().replace(b"\n", b" \n")


def word2vec_binary(end: bytes = b"\n") -> bytes:
    rows = zip(("the", "狗", "new_york", "猫"), MATRIX, strict=True)
    return b"4 3\n" + b"".join(word.encode() + b" " + row.tobytes() + end for word, row in rows)


def npz() -> bytes:
    return npz_bytes(WordVectors(WORDS, MATRIX, idf=np.array([1, 2, 3, 4], np.float32)))


FORMATS: dict[str, Callable[[], bytes]] = {
    "glove": glove,
    "word2vec text": word2vec_text,
    "word2vec binary": word2vec_binary,
    "word2vec binary without line ends": lambda: word2vec_binary(b""),
    "npz": npz,
}


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def assert_all_there(vectors: WordVectors) -> None:
    assert tuple(word.replace("_", " ") for word in vectors.words) == WORDS
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(vectors.matrix, MATRIX)
    assert vectors.skipped == {}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_recognised_by_its_content(tmp_path: Path, name: str) -> None:
    assert_all_there(load_word_vectors(write(tmp_path / "vectors", FORMATS[name]())))


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_may_be_gzipped(tmp_path: Path, name: str) -> None:
    assert_all_there(load_word_vectors(write(tmp_path / "vectors", gzip.compress(FORMATS[name]()))))


@pytest.mark.parametrize("name", FORMATS)
def test_a_limit_reads_only_the_first_words(tmp_path: Path, name: str) -> None:
    vectors = load_word_vectors(write(tmp_path / "vectors", FORMATS[name]()), limit=2)
    assert vectors.words == WORDS[:2]
    np.testing.assert_array_equal(vectors.matrix, MATRIX[:2])
    assert vectors.idf is None or vectors.idf.tolist() == [1, 2]


@pytest.mark.parametrize("block", [1, 7, 16])
def test_binary_words_may_straddle_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("tusou.text.word_files.binary._BLOCK", block)
    assert_all_there(load_word_vectors(write(tmp_path / "vectors", word2vec_binary())))


@pytest.mark.parametrize("suffix", ["zip", "tar", "tar.gz", "folder"])
def test_the_largest_file_of_an_archive_or_folder_is_read(tmp_path: Path, suffix: str) -> None:
    members = {"package/readme.txt": b"short", "package/data/vectors": word2vec_binary()}
    path = tmp_path / f"vectors.{suffix}"
    if suffix == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    elif suffix == "folder":
        (path / "package" / "data").mkdir(parents=True)
        for name, data in members.items():
            write(path / name, data)
    else:
        with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as tar:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    vectors = load_word_vectors(path)
    assert_all_there(vectors)
    assert vectors.source == f"{path}/package/data/vectors"


def test_npz_keeps_words_idf_and_half_precision_without_pickle(tmp_path: Path) -> None:
    idf = np.array([1, 2, 3, 4.5], np.float32)
    data = npz_bytes(WordVectors(WORDS, MATRIX, idf=idf), np.float16)
    loaded = load_word_vectors(write(tmp_path / "half.npz", data))
    assert loaded.words == WORDS
    assert loaded.idf is not None
    assert loaded.idf.tolist() == idf.tolist()
    np.testing.assert_array_equal(loaded.matrix, MATRIX.astype(np.float16).astype(np.float32))
    with np.load(tmp_path / "half.npz", allow_pickle=False) as arrays:
        assert arrays["matrix"].dtype == np.float16
    with pytest.raises(ValueError, match="line end"):
        npz_bytes(WordVectors(["a\nb"], MATRIX[:1]))


def test_an_npz_that_needs_pickle_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", words=np.array([{}], object), matrix=MATRIX)
    with pytest.raises(DataError, match=r"evil\.npz: cannot be read \(Object arrays"):
        load_word_vectors(tmp_path / "evil.npz")


def test_rows_of_no_use_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = [b"a 1 2", b"b nan 1", b"a 3 4", b"c inf -inf", b"\xff\xfe 5 6", b" 7 8", b"d 9 10"]
    vectors = load_word_vectors(write(tmp_path / "v.txt", b"\n".join(lines)))
    assert vectors.words == ("a", "d")
    assert vectors.matrix.tolist() == [[1, 2], [9, 10]]
    assert vectors.skipped == {"not finite": 2, "word again": 1, "not UTF-8": 1, "without a word": 1}


def test_idf_stays_with_its_word_when_a_row_is_left_out(tmp_path: Path) -> None:
    matrix = MATRIX.copy()
    matrix[1, 1] = np.nan
    data = npz_bytes(WordVectors(WORDS, matrix, idf=np.array([1, 2, 3, 4], np.float32)))
    vectors = load_word_vectors(write(tmp_path / "v.npz", data))
    assert vectors.idf is not None
    assert dict(zip(vectors.words, vectors.idf.tolist(), strict=True)) == {"the": 1, "new york": 3, "猫": 4}


def two_arrays(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


LETTERS = np.frombuffer(b"a\nb", np.uint8)

DAMAGE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty; known are"),
    "prose": (b"Once upon a time\nthere was", "no word vectors recognised"),
    "zeros": (bytes(5000), "holds no file"),
    "too few columns": (glove() + b"dog 1 2\n", r"line 5: expected 3 numbers, found 2; download it again"),
    "cut within a number": (glove() + b"dog 1 2 -", r"line 5: expected a word and 3 numbers"),
    "no number": (glove() + b"dog 1 x 3\n", r"line 5: expected a word and 3 numbers .*'x'"),
    "empty line": (glove() + b"\n", "line 5: expected 3 numbers, found 0"),
    "cut text": (word2vec_text()[: len(b"4 3\n") + 18], "cut off: the header says 4 words, 1 are there"),
    "cut binary": (word2vec_binary()[:-5], "cut off: the header says 4 words, 3 are whole"),
    "binary out of step": (b"9 3\n" + bytes(4000), "word 1 has no end within 2000 bytes"),
    "binary without a space": (b"9 3\n" + b"x" * 4000, "word 1 has no end within 2000 bytes"),
    "header alone": (b"9 3\n", "cut off: the header says 9 words, 0 are whole"),
    "absurd header": (b"9 99999999\n" + bytes(99), "line 1: the header says 99999999 numbers a word"),
    "nothing usable": (b"a nan nan\n", "no usable word vector in it"),
    "cut gzip": (gzip.compress(glove())[:-20], "cannot be read"),
    "npz of something else": (two_arrays(x=MATRIX), "expected arrays words and matrix, found x"),
    "npz that does not fit": (two_arrays(words=LETTERS, matrix=MATRIX), r"2 words, but a matrix of float32"),
    "npz of whole numbers": (
        two_arrays(words=LETTERS, matrix=np.ones((2, 2), int)),
        "2 words, but a matrix of int64",
    ),
    "npz with a short idf": (
        two_arrays(words=LETTERS, matrix=MATRIX[:2], idf=MATRIX[0, :1]),
        "2 words, but idf has shape",
    ),
    "cut npz": (npz()[:-40], "cannot be read"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_with_file_and_remedy(tmp_path: Path, name: str) -> None:
    data, message = DAMAGE[name]
    path = write(tmp_path / "damaged", data)
    with pytest.raises(DataError, match=message) as caught:
        load_word_vectors(path)
    assert str(path) in str(caught.value)
    assert ";" in str(caught.value) or caught.value.reason == "word_vectors_not_found"


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere.bin"):
        with pytest.raises(DataError, match=str(path)) as caught:
            load_word_vectors(path)
        assert caught.value.reason == "word_vectors_not_found"


def test_a_file_too_large_for_memory_names_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("tusou.text.word_files.load.read_text", full)
    with pytest.raises(DataError, match="--limit") as caught:
        load_word_vectors(write(tmp_path / "v.txt", glove()))
    assert caught.value.reason == "out_of_memory"


def test_a_matrix_without_its_words_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "matrix.npy", MATRIX)
    with pytest.raises(DataError, match=r"0 \.parquet files with words beside it; exactly one is needed"):
        load_word_vectors(tmp_path / "matrix.npy")


def test_a_parquet_file_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "matrix.npy", MATRIX)
    write(tmp_path / "words.parquet", b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match="pip install pyarrow") as caught:
        load_word_vectors(tmp_path / "matrix.npy")
    assert caught.value.reason == "missing_extra"


def test_a_parquet_file_without_words_is_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"index": [1, 2, 3, 4]}), tmp_path / "index.parquet")
    np.save(tmp_path / "emb.npy", MATRIX)
    with pytest.raises(DataError, match="first column of its Parquet file holds no words"):
        load_word_vectors(tmp_path / "emb.npy")


@pytest.mark.parametrize("where", ["wheel", "folder", "file"])
def test_a_matrix_and_its_parquet_words_as_a_wheel_ships_them(tmp_path: Path, where: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"index": list(WORDS)}), tmp_path / "index.parquet")
    np.save(tmp_path / "emb.npy", np.asfortranarray(MATRIX))
    with (tmp_path / "emb.npy").open("ab") as file:
        file.write(bytes(5000))  # ignored; a real matrix is larger than its words, and so is found first
    path = {"folder": tmp_path, "file": tmp_path / "emb.npy", "wheel": tmp_path / "v.whl"}[where]
    if where == "wheel":
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(tmp_path / "index.parquet", "package/data/index.parquet")
            archive.write(tmp_path / "emb.npy", "package/data/emb.npy")
    assert_all_there(load_word_vectors(path))
