"""What belongs together stays together; what straddles given splits is found."""

from __future__ import annotations

import numpy as np
import pytest
from data_builders import captioned
from hypothesis import given, settings
from hypothesis import strategies as st

from tusou.errors import DataError
from tusou.training.data.relevance import RelevanceData
from tusou.training.data.splits import find_leaks, picture_groups, split_relevance

HALVES = {"train": 0.5, "dev": 0.5}


def many(count: int, first: int = 0) -> list[tuple[str, list[str]]]:
    """Captions of images that have nothing to do with each other."""
    return [(f"caption {i}", [f"{i}.jpg"]) for i in range(first, first + count)]


def test_lists_captions_and_near_duplicates_bind() -> None:
    data = captioned(
        [
            ("red car", ["a", "b"]),
            ("A dog .", ["c"]),
            ("a  dog", ["d"]),
            ("雪山。", ["e"]),
            ("雪山", ["a"]),
            ("alone", ["f"]),
            ("near", ["g"]),
        ]
    )
    assert picture_groups(data).tolist() == [0, 0, 1, 1, 0, 2, 3]
    assert picture_groups(data, np.array([[5, 6], [1, 2]])).tolist() == [0, 0, 0, 0, 0, 1, 1]


def test_shares_are_met_on_average() -> None:
    data = split_relevance(captioned(many(2000)), {"train": 0.8, "dev": 0.1, "test": 0.1})
    assert [data.splits.count(name) / 2000 for name in ("train", "dev", "test")] == pytest.approx(
        [0.8, 0.1, 0.1], abs=0.025
    )


def test_large_groups_are_drawn_fairly() -> None:
    """The lowest of many hashes is low: without a second hash every large group went to the first split."""
    lists = [(f"query {i}", [f"{i}-{j}.jpg" for j in range(20)]) for i in range(200)]
    data = split_relevance(captioned(lists), HALVES)
    assert 0.35 < data.splits.count("train") / len(data.splits) < 0.65


def test_a_group_beyond_the_smallest_share_goes_to_the_largest() -> None:
    bound = [("草地上的狗", [f"dog {i}"]) for i in range(60)]
    for seed in range(8):
        data = split_relevance(captioned([*bound, *many(40)]), {"dev": 0.25, "train": 0.75}, seed)
        assert set(data.splits[:60]) == {"train"}


def test_new_data_leaves_old_groups_where_they_are() -> None:
    old = split_relevance(captioned(many(300)), HALVES, seed=3)
    grown = split_relevance(captioned([*many(200, first=1000), *many(300)]), HALVES, seed=3)
    now = dict(zip((picture.key for picture in grown.pictures), grown.splits, strict=True))
    assert [now[picture.key] for picture in old.pictures] == list(old.splits)


def test_seeds_draw_differently() -> None:
    data = captioned(many(100))
    assert split_relevance(data, HALVES, 1).splits == split_relevance(data, HALVES, 1).splits
    assert split_relevance(data, HALVES, 1).splits != split_relevance(data, HALVES, 2).splits


@given(
    st.lists(st.tuples(st.integers(0, 9), st.lists(st.integers(0, 30), min_size=1, max_size=3)), min_size=1),
    st.integers(0, 99),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_split_leaks(drawn: list[tuple[int, list[int]]], seed: int) -> None:
    lists = [(f"query {query}", [f"{key}" for key in dict.fromkeys(keys)]) for query, keys in drawn]
    data = captioned([*lists, *many(40, first=100)])
    pairs = np.array([[0, len(data.pictures) - 1]])
    try:
        split = split_relevance(data, HALVES, seed, pairs)
    except DataError as error:  # one group may hold nearly everything
        assert error.reason == "unsplittable"  # noqa: PT017
        return
    assert find_leaks(split, pairs) == []
    kept = [split.of_split(name) for name in HALVES]
    assert sum(len(part.queries) for part in kept) == len(data.queries)


@pytest.mark.parametrize(
    "shares", [{}, {"train": 1.2}, {"train": 1.0, "dev": 0.0}, {"train": 0.5, "dev": 0.4}]
)
def test_bad_shares_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(DataError, match="sum to 1") as caught:
        split_relevance(captioned(many(5)), shares)
    assert caught.value.reason == "bad_shares"


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(DataError, match="3 images form 1 groups that must stay together") as caught:
        split_relevance(captioned([("all", ["a", "b", "c"])]), HALVES)
    assert caught.value.reason == "unsplittable"


def leaky() -> RelevanceData:
    lists = [
        ("red car", ["a", "b", "c"]),
        ("A dog.", ["d"]),
        ("a dog", ["e"]),
        ("alone", ["f"]),
        ("no", ["g"]),
    ]
    return captioned(lists, {"a": "train", "b": "train", "c": "dev", "d": "train", "e": "dev", "f": "dev"})


def test_leaks_are_named() -> None:
    leaks = find_leaks(leaky(), np.array([[0, 5], [0, 3], [5, 6]]))
    assert [(leak.kind, leak.splits, leak.keys, leak.text) for leak in leaks] == [
        ("shared_list", ("train", "dev"), ("b", "c"), "red car"),
        ("shared_caption", ("train", "dev"), ("d", "e"), "a dog"),
        ("near_duplicate", ("train", "dev"), ("a", "f"), ""),
    ]
