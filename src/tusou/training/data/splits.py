"""Train, dev and test by image and query group, never by pair, and the leaks between given splits.

Images belong together when one query's list names both, when they have a caption in common, or when they are
near duplicates; what belongs together, directly or over others, is one group and never straddles a split.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from tusou.errors import DataError
from tusou.text.normalize import normalize
from tusou.training.data.relevance import Positions, RelevanceData

NO_PAIRS: Positions = np.empty((0, 2), np.int64)

_END_MARKS = " .。!！?？…,，;；"


@dataclass(frozen=True, slots=True)
class Leak:
    """Two images of different splits that belong together.

    Attributes:
        kind: ``shared_list``, ``shared_caption`` or ``near_duplicate``.
        splits: Their splits.
        keys: Their keys.
        text: The query or caption they share; empty for near duplicates.
    """

    kind: str
    splits: tuple[str, str]
    keys: tuple[str, str]
    text: str = ""


def split_relevance(
    data: RelevanceData, shares: Mapping[str, float], seed: int = 0, near_duplicates: Positions = NO_PAIRS
) -> RelevanceData:
    """Give every image a split; whole groups only.

    A group's split follows from the hash of one of its keys and the seed alone: data that is added later
    leaves every group where it was, unless it joins it. Groups, not images, are drawn, so that shares are met
    only on average. A group larger than the smallest share goes to the largest: short captions such as
    草地上的狗 can bind most of a data set together, which would otherwise be a draw for all or nothing.

    Args:
        data: What to split; splits it names are overwritten.
        shares: Split to its share; they sum to 1.
        seed: Another seed draws another split.
        near_duplicates: (pairs, 2) positions, as near_duplicate_pairs finds them.

    Returns:
        The same data with splits.

    Raises:
        DataError: The shares are none (``bad_shares``), or a split is left without an image because groups
            are too few or too large (``unsplittable``).
    """
    _check_shares(shares)
    groups = picture_groups(data, near_duplicates)
    lowest = np.ones(int(groups.max(initial=-1)) + 1)
    np.minimum.at(lowest, groups, [_hash(f"{seed}:{picture.key}") for picture in data.pictures])
    # The member of the lowest hash speaks for its group, hashed again: large groups have low lowest hashes.
    drawn = [_hash(f"{seed}:{value!r}") for value in lowest.tolist()]
    names = list(shares)
    bounds = np.cumsum(list(shares.values()))[:-1]
    places = np.searchsorted(bounds, drawn, side="right")
    too_large = np.bincount(groups) > min(shares.values()) * len(groups)
    places[too_large] = int(np.argmax(list(shares.values())))
    places = places[groups]
    _check_none_empty(names, places, groups)
    return replace(data, splits=tuple(names[place] for place in places))


def picture_groups(data: RelevanceData, near_duplicates: Positions = NO_PAIRS) -> Positions:
    """(pictures,) number of the group each image belongs to, from 0 in the order of first members."""
    parents = list(range(len(data.pictures)))
    for link in _links(data, near_duplicates):
        one, other = _root(parents, link.one), _root(parents, link.other)
        parents[max(one, other)] = min(one, other)
    roots = [_root(parents, i) for i in range(len(parents))]
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def find_leaks(data: RelevanceData, near_duplicates: Positions = NO_PAIRS) -> list[Leak]:
    """Pairs of images that belong together and lie in different splits; images without a split do not count.

    Of a list or caption that straddles, neighbours of different splits are named, not every pair.
    """
    return [
        Leak(link.kind, (one, other), (data.pictures[link.one].key, data.pictures[link.other].key), link.text)
        for link in _links(data, near_duplicates)
        if (one := data.splits[link.one]) and (other := data.splits[link.other]) and one != other
    ]


@dataclass(frozen=True, slots=True)
class _Link:
    """Two images that belong together; see Leak."""

    kind: str
    one: int
    other: int
    text: str = ""


def _links(data: RelevanceData, near_duplicates: Positions) -> Iterator[_Link]:
    items, offsets = data.items.tolist(), data.offsets.tolist()
    last: dict[str, int] = {}
    for query, start, stop in zip(data.queries, offsets, offsets[1:], strict=False):
        for one, other in pairwise(items[start:stop]):
            yield _Link("shared_list", one, other, query)
        key = caption_key(query)
        if last.get(key, items[start]) != items[start]:
            yield _Link("shared_caption", last[key], items[start], query)
        last[key] = items[start]
    for one, other in near_duplicates.tolist():
        yield _Link("near_duplicate", one, other)


def caption_key(text: str) -> str:
    """What two captions have in common that say the same: normalised words, without marks at the end."""
    return normalize(text).rstrip(_END_MARKS)


def _root(parents: list[int], i: int) -> int:
    while parents[i] != i:
        parents[i] = parents[parents[i]]
        i = parents[i]
    return i


def _hash(text: str) -> float:
    """Uniform in [0, 1)."""
    return (int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11) / 2**53


def _check_shares(shares: Mapping[str, float]) -> None:
    if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise DataError(
            f"shares {dict(shares)} cannot be used: expected positive numbers that sum to 1",
            reason="bad_shares",
        )


def _check_none_empty(names: list[str], places: Positions, groups: Positions) -> None:
    empty = [name for i, name in enumerate(names) if not (places == i).any()]
    if empty:
        sizes = np.bincount(groups)
        raise DataError(
            f"no image is left for {', '.join(empty)}: {len(groups):,} images form {len(sizes):,} groups that"
            f" must stay together, the largest of {sizes.max():,}; use more data or other shares",
            reason="unsplittable",
        )
