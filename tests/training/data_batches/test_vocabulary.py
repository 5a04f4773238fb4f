"""The word list: counts, order, stems with their spellings, initial vectors, both languages."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tusou.encoders.tokenizers_words import WordReader
from tusou.errors import DataError
from tusou.models.manifest import WordsTokenizer
from tusou.text.word_vectors import WordVectors
from tusou.training.data.vocabulary import build_vocabulary

pytestmark = pytest.mark.train

QUERIES = ["Two dogs run.", "A dog runs, dogs run", "一只狗在草地上", "草地上的狗", "a cat"]


def vectors_of(*words: str, dim: int = 3) -> WordVectors:
    matrix = np.arange(len(words) * dim, dtype=np.float32).reshape(len(words), dim) + 1
    return WordVectors(words, matrix)


def test_words_of_both_languages_most_frequent_first_then_by_spelling() -> None:
    vocabulary = build_vocabulary(QUERIES, 2)
    assert vocabulary.words[:2] == ("<pad>", "<unk>")
    assert vocabulary.words[2:4] == ("dog", "run")
    assert set(vocabulary.words[4:]) == {"a", "上", "狗", "草地"}
    assert list(vocabulary.words[4:]) == sorted(vocabulary.words[4:])


def test_rare_words_are_unknown() -> None:
    words = [set(build_vocabulary(QUERIES, count).words) for count in (1, 2, 3)]
    assert "cat" in words[0] - words[1]
    assert "狗" in words[1] - words[2]
    assert "dog" in words[2]


def test_no_word_frequent_enough_is_refused() -> None:
    for queries in (QUERIES, [], ["。。", "…"]):
        with pytest.raises(DataError, match=r"occurs 9 times.*text\.min_count") as caught:
            build_vocabulary(queries, 9)
        assert caught.value.reason == "no_vocabulary"


def test_idf_falls_with_the_queries_a_word_stands_in() -> None:
    """As smoothed_idf has it; a word counts once for each query, and padding and unknown words get 0."""
    vocabulary = build_vocabulary(["dog dog dog", "dog cat", "cat", "bird"], 1)
    idf = dict(zip(vocabulary.words, vocabulary.idf.tolist(), strict=True))
    assert idf["<pad>"] == idf["<unk>"] == 0
    assert idf["dog"] == pytest.approx(idf["cat"])
    assert idf["bird"] > idf["cat"] > 0
    assert all(map(math.isfinite, idf.values()))


def test_the_tokenizer_reads_the_list_that_was_written(tmp_path: Path) -> None:
    vocabulary = build_vocabulary(QUERIES, 2)
    vocabulary.write(tmp_path / "words.txt")
    reader = WordReader(tmp_path / "words.txt", WordsTokenizer(type="words", file="words.txt", max_tokens=8))
    dog, run = vocabulary.words.index("dog"), vocabulary.words.index("run")
    assert reader.ids("The dogs were running") == [*reader.ids("the"), dog, *reader.ids("were"), run]
    assert reader.ids("狗") == [vocabulary.words.index("狗")]
    assert reader.ids("zebra") == [1]


@pytest.mark.parametrize("quoted", ["dogs", "dogs,", "(dogs)", "“dogs”", "Dogs!"])
def test_stems_remember_how_they_were_spelt(quoted: str) -> None:
    vocabulary = build_vocabulary([f"two {quoted} bark", "the dogs", "a dog"], 1)
    assert vocabulary.surfaces[vocabulary.words.index("dog")] == "dogs"


def test_vectors_are_those_of_the_spelling_then_of_the_stem() -> None:
    """Word vectors know "ponies", not the stem "poni"."""
    vocabulary = build_vocabulary(["ponies and dogs", "ponies", "狗"], 1)
    source = vectors_of("ponies", "dog", "狗")
    matrix, found = vocabulary.vectors([source])
    assert found == 3
    for word, row in (("poni", 0), ("dog", 1), ("狗", 2)):
        assert matrix[vocabulary.words.index(word)].tolist() == source.matrix[row].tolist()


def test_unknown_words_get_small_vectors_of_their_own_and_padding_none() -> None:
    vocabulary = build_vocabulary(["cat zebra yak"], 1)
    matrix, found = vocabulary.vectors([vectors_of("cat", dim=50)], seed=3)
    assert found == 1
    assert not matrix[0].any()
    unknown = [matrix[vocabulary.words.index(word)] for word in ("<unk>", "zebra", "yak")]
    assert all(0 < np.linalg.norm(row) < 0.3 for row in unknown)
    assert not np.array_equal(unknown[1], unknown[2])
    np.testing.assert_array_equal(matrix, vocabulary.vectors([vectors_of("cat", dim=50)], seed=3)[0])
    assert not np.array_equal(matrix, vocabulary.vectors([vectors_of("cat", dim=50)], seed=4)[0])


def test_special_words_are_never_looked_up() -> None:
    matrix, found = build_vocabulary(["cat"], 1).vectors([vectors_of("<pad>", "<unk>")])
    assert found == 0
    assert not matrix[0].any()
    assert matrix[1].tolist() != [4, 5, 6]


def test_two_files_the_first_goes_before_and_shorter_rows_end_in_zeros() -> None:
    vocabulary = build_vocabulary(["cat 狗"], 1)
    english, chinese = vectors_of("cat", dim=2), vectors_of("cat", "狗", dim=4)
    matrix, found = vocabulary.vectors([english, chinese])
    assert (found, matrix.shape) == (2, (4, 4))
    assert matrix[vocabulary.words.index("cat")].tolist() == [1, 2, 0, 0]
    assert matrix[vocabulary.words.index("狗")].tolist() == [5, 6, 7, 8]


def test_control_without_spellings_the_ponies_are_not_found() -> None:
    vocabulary = build_vocabulary(["ponies"], 1)
    assert vocabulary.words[2] == "poni"
    assert vectors_of("ponies").find("poni") is None
