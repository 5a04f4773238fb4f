"""Neighbours and analogies worked out by hand, unknown words, and the words of both languages."""

from __future__ import annotations

import numpy as np
import pytest

from tusou.errors import QueryError
from tusou.text.idf import idf_table, smoothed_idf
from tusou.text.word_vectors import WordVectors

SQUARE = {  # royal, female, animal; lengths differ on purpose
    "king": (3.0, 0.0, 0.0),
    "queen": (2.0, 2.0, 0.0),
    "man": (0.1, 0.0, 1.0),
    "woman": (0.1, 1.0, 1.0),
    "狗": (0.0, 0.0, 5.0),
    "nothing": (0.0, 0.0, 0.0),
}


@pytest.fixture
def vectors() -> WordVectors:
    return WordVectors(tuple(SQUARE), np.array([*SQUARE.values()], np.float32), source="square.txt")


def cosine(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))


def test_neighbours_are_ordered_by_cosine_whatever_their_length(vectors: WordVectors) -> None:
    found = vectors.similar("狗", k=3)
    assert [each.word for each in found] == ["man", "woman", "king"]
    assert found[0].score == pytest.approx(cosine(SQUARE["狗"], SQUARE["man"]), abs=1e-6)


def test_the_word_itself_is_left_out_and_a_zero_vector_scores_zero(vectors: WordVectors) -> None:
    found = dict(vectors.similar("king", k=99))
    assert set(found) == set(SQUARE) - {"king"}
    assert found["nothing"] == 0
    assert {each.score for each in vectors.similar("nothing", k=99)} == {0.0}


def test_k_takes_the_best_and_equal_scores_keep_the_order_of_the_file() -> None:
    matrix = np.array([[1, 0], [0, 1], [0, 2], [0, 3], [1, 1]], np.float32)
    vectors = WordVectors(["a", "b", "c", "d", "e"], matrix)
    assert [each.word for each in vectors.similar("a", k=2)] == ["e", "b"]
    assert [each.word for each in vectors.similar("a", k=4)] == ["e", "b", "c", "d"]
    assert vectors.similar("a", k=0) == []


def test_an_analogy_is_the_sum_of_unit_vectors_without_the_three(vectors: WordVectors) -> None:
    """By raw vectors the target would be (3, 1, 0) and its cosine with queen 0.894."""
    first = vectors.analogy("king", "man", "woman", k=1)[0]
    unit = {word: np.array(each) / np.linalg.norm(each) for word, each in SQUARE.items() if any(each)}
    target = unit["king"] - unit["man"] + unit["woman"]
    assert first.word == "queen"
    assert first.score == pytest.approx(float(target @ unit["queen"] / np.linalg.norm(target)), abs=1e-6)
    assert {each.word for each in vectors.analogy("king", "man", "woman", 99)} == {"queen", "狗", "nothing"}


def test_fast_neighbours_equal_a_loop_over_all_words() -> None:
    generator = np.random.default_rng(3)
    matrix = generator.normal(size=(200, 8)).astype(np.float32)
    vectors = WordVectors([f"w{i}" for i in range(200)], matrix)
    for row in (0, 57, 199):
        slow = [(cosine(tuple(matrix[row]), tuple(other)), i) for i, other in enumerate(matrix) if i != row]
        expected = [f"w{i}" for _, i in sorted(slow, reverse=True)[:7]]
        assert [each.word for each in vectors.similar(f"w{row}", k=7)] == expected


@pytest.mark.parametrize(
    ("typed", "word"),
    [("king", "king"), ("King", "king"), ("ｋｉｎｇ", "king"), ("kings", "king"), ("貓", "猫")],
)
def test_a_word_is_found_as_people_type_it(typed: str, word: str) -> None:
    vectors = WordVectors(["dog", "king", "猫"], np.eye(3, dtype=np.float32))
    assert vectors.find(typed) == vectors.row(word)
    assert vectors.find("two words") is None


def test_exact_spelling_comes_before_the_stem() -> None:
    vectors = WordVectors(["king", "kings"], np.eye(2, dtype=np.float32))
    assert vectors.find("kings") == 1


@pytest.mark.parametrize(("word", "near"), [("womman", "woman"), ("quen", "queen"), ("狗狗", "狗")])
def test_an_unknown_word_is_answered_with_near_spellings(vectors: WordVectors, word: str, near: str) -> None:
    with pytest.raises(QueryError, match=rf"'{word}'.*6 words of square\.txt.*{near}") as caught:
        vectors.similar(word)
    assert caught.value.reason == "unknown_word"


def test_every_unknown_word_of_an_analogy_is_named(vectors: WordVectors) -> None:
    with pytest.raises(QueryError, match=r"'zzzz', 'yyyy'.*no word is written nearly so"):
        vectors.analogy("zzzz", "king", "yyyy")


@pytest.mark.parametrize(("words", "shape"), [(["a", "b"], (3, 2)), (["a", "a"], (2, 2)), (["a", "b"], (2,))])
def test_words_that_do_not_fit_the_matrix_are_refused(words: list[str], shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        WordVectors(words, np.ones(shape, np.float32))


def test_idf_by_hand() -> None:
    table = idf_table([["狗", "狗", "跑"], ["狗"], ["dog"]])
    assert table == pytest.approx({"狗": np.log(4 / 3) + 1, "跑": np.log(4 / 2) + 1, "dog": np.log(2) + 1})
    assert smoothed_idf(3, 0) == pytest.approx(np.log(4) + 1)
    assert min(idf_table([["a"], ["a"]]).values()) == 1
