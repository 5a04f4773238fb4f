"""Grades of pairs against a dictionary, and what is left out as a negative because it is likely relevant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from list_builders import captions, graded

from tusou.errors import DataError
from tusou.training.data.batches import Relevance
from tusou.training.data.relevance import RelevanceData

pytestmark = pytest.mark.train  # near duplicates are grouped by SciPy, which comes with the train extra


def table(relevance: Relevance) -> list[list[Any]]:
    """Grade of every pair, None where it is unknown."""
    queries = np.arange(len(relevance.data.queries))[:, None]
    images = np.arange(len(relevance.data.pictures))[None]
    grades, known = relevance.grades_of(*np.broadcast_arrays(queries, images))
    assert grades.dtype == np.float32
    return [
        [grade if flag else None for grade, flag in zip(*row, strict=True)]
        for row in zip(grades.tolist(), known.tolist(), strict=True)
    ]


def pairs(*rows: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(rows, dtype=np.int64)


def test_a_list_says_its_grades_and_all_else_is_not_relevant() -> None:
    data = graded([("red car", {2: 2.0, 0: 0.0}), ("狗", {1: 1.0})], 4)
    assert table(Relevance(data)) == [[0, 0, 2, 0], [0, 1, 0, 0]]


def test_images_of_the_same_caption_are_no_negatives() -> None:
    """Width, case, marks at the end: what the splits call one caption is one here as well."""
    same = ["A dog.", "a dog", " Ａ dog！"]
    data = graded([*((text, {i: 1.0}) for i, text in enumerate(same)), ("a cat", {3: 1.0})], 4)
    assert table(Relevance(data)) == [
        [1, None, None, 0],
        [None, 1, None, 0],
        [None, None, 1, 0],
        [0, 0, 0, 1],
    ]


def test_chinese_captions_are_compared_alike() -> None:
    data = graded([("一只狗。", {0: 1.0}), ("一只狗", {1: 1.0}), ("一只猫", {2: 1.0})], 3)
    assert table(Relevance(data)) == [[1, None, 0], [None, 1, 0], [0, 0, 1]]


def test_a_list_is_believed_where_it_speaks_of_an_image_itself() -> None:
    data = graded([("dog", {0: 1.0, 1: 0.0}), ("dog", {1: 1.0})], 2)
    assert table(Relevance(data)) == [[1, 0], [None, 1]]


def test_near_duplicates_of_relevant_images_are_no_negatives() -> None:
    data = captions(4, 4)
    assert table(Relevance(data, pairs((0, 2)))) == [
        [1, 0, None, 0],
        [0, 1, 0, 0],
        [None, 0, 1, 0],
        [0, 0, 0, 1],
    ]


@pytest.mark.parametrize(
    "order", [[(0, 2), (1, 2)], [(1, 2), (0, 2)], [(2, 1), (2, 0)], [(0, 1), (1, 2), (1, 2)]]
)
def test_near_duplicates_of_near_duplicates_belong_together(order: list[tuple[int, int]]) -> None:
    """A group was once read off the pairs in order: of 0-2 and 1-2, image 1 was left on its own."""
    found = table(Relevance(captions(4, 4), pairs(*order)))
    assert found == [[1, None, None, 0], [None, 1, None, 0], [None, None, 1, 0], [0, 0, 0, 1]]


def test_only_queries_with_a_relevant_image_are_learnt_from() -> None:
    data = graded([("a", {0: 0.0}), ("b", {0: 1.0}), ("c", {}), ("d", {1: 0.0, 0: 2.0})], 2)
    assert Relevance(data).learnable.tolist() == [1, 3]
    with pytest.raises(DataError, match="no query has a relevant image") as caught:
        Relevance(graded([("a", {0: 0.0}), ("b", {})], 1))
    assert caught.value.reason == "nothing_usable"


def test_shown_lists_need_different_grades() -> None:
    data = graded([("a", {0: 1.0}), ("b", {0: 1.0, 1: 1.0}), ("c", {0: 2.0, 1: 1.0}), ("d", {0: 0, 1: 1})], 2)
    assert Relevance(data).shown_apart().tolist() == [2, 3]
    with pytest.raises(DataError, match=r"nothing to compare.*captions never are") as caught:
        Relevance(captions(4, 4)).shown_apart()
    assert caught.value.reason == "nothing_usable"


@st.composite
def any_data(draw: st.DrawFn) -> RelevanceData:
    images = draw(st.integers(1, 5))
    entries = st.dictionaries(st.integers(0, images - 1), st.sampled_from([0.0, 1.0, 2.0]))
    lists = draw(st.lists(st.tuples(st.sampled_from(["a", "b", "狗"]), entries), min_size=1, max_size=6))
    return graded([*lists, ("always", {0: 1.0})], images)


@settings(max_examples=50, deadline=None)
@given(data=any_data(), shuffle=st.randoms(use_true_random=False))
def test_every_pair_against_a_dictionary(data: RelevanceData, shuffle: Any) -> None:
    """The order of entries within a list is any."""
    own: list[dict[int, float]] = []
    texts: dict[str, set[int]] = {}
    for i, query in enumerate(data.queries):
        span = slice(data.offsets[i], data.offsets[i + 1])
        order = shuffle.sample(range(data.items[span].size), data.items[span].size)
        data.items[span], data.grades[span] = data.items[span][order], data.grades[span][order]
        own.append(dict(zip(data.items[span].tolist(), data.grades[span].tolist(), strict=True)))
        texts.setdefault(query, set()).update(item for item, grade in own[i].items() if grade > 0)
    expected = [
        [own[i].get(image, None if image in texts[query] else 0) for image in range(len(data.pictures))]
        for i, query in enumerate(data.queries)
    ]
    assert table(Relevance(data)) == expected
