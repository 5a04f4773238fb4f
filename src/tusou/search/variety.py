"""No picture twice, and not all from one hand: copies are grouped, suppliers and creators mixed if wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tusou.index.base import Index, NearPairs
from tusou.search.answer import Answer
from tusou.search.attribution import record_license
from tusou.search.copies import FLAT_COSINE, MIN_COSINE
from tusou.types import ImageRecord, Rows

FIRST = 200
"""Images of an answer that are looked at: two pages of the largest size. Few people read on, and to look
further would cost every search."""

NEAR = 31
"""Bits in which fingerprints of grouped copies may differ, PDQ's own advice. ``mode=same`` asks for copies
and takes more; here a stranger taken for a copy would be hidden (in the demo library, Uranus by Neptune)."""

Records = Callable[[Iterable[int]], Mapping[int, ImageRecord]]
"""Live records by row."""


def grouped(answer: Answer, index: Index, records: Records) -> Answer:
    """One image for each picture: copies among the first images stand behind the one with the best licence.

    Of equal licences the largest copy, then the first, is in front; it takes the place of the first. Copies
    are what ``mode=same`` calls copies, a little nearer (NEAR).

    Args:
        answer: Ranked.
        index: Where fingerprints and embeddings are.
        records: Gives licences and sizes.
    """
    rows = answer.rows[:FIRST]
    groups = _groups(index.near_pairs(rows, NEAR), len(rows))
    if not groups:
        return answer
    known = records(int(rows[place]) for group in groups for place in group)
    front = {
        group[0]: max(group, key=lambda place: _worth(known.get(int(rows[place])), place)) for group in groups
    }
    hidden = {place for group in groups for place in group[1:]}
    slots = [place for place in range(len(answer.rows)) if place not in hidden]
    behind = {
        int(rows[front[group[0]]]): tuple(int(rows[place]) for place in group if place != front[group[0]])
        for group in groups
    }
    relevant = None if answer.relevant is None else sum(slot < answer.relevant for slot in slots)
    order = np.array([front.get(slot, slot) for slot in slots], np.int64)
    return replace(answer.only(order, relevant), behind=behind)


def _groups(pairs: NearPairs, count: int) -> list[list[int]]:
    """Places that show one picture, each group ascending; pictures without a copy are left out."""
    copy = pairs.cosines >= np.where(pairs.trusted, MIN_COSINE, FLAT_COSINE)
    root = list(range(count))
    for first, second in zip(pairs.first[copy].tolist(), pairs.second[copy].tolist(), strict=True):
        low, high = sorted((_root(root, first), _root(root, second)))
        root[high] = low
    members: dict[int, list[int]] = {}
    for place in range(count):
        members.setdefault(_root(root, place), []).append(place)
    return [group for group in members.values() if len(group) > 1]


def _root(root: list[int], place: int) -> int:
    while root[place] != place:
        place = root[place]
    return place


def _worth(record: ImageRecord | None, place: int) -> tuple[bool, bool, bool, bool, int, int]:
    """What makes a copy the one to show: what its licence allows, what it asks for, its size, its place."""
    license_ = record_license(record) if record else None
    pixels = record.width * record.height if record else 0
    if license_ is None:
        return False, False, False, False, pixels, -place
    free = not license_.share_alike, not license_.attribution
    return license_.commercial, license_.modification, *free, pixels, -place


def diverse(answer: Answer, amount: float, records: Records) -> Answer:
    """Mix suppliers and creators among the first images; what is relevant stays in front.

    Places are filled one by one with the image of the largest score less ``amount`` times the share its
    supplier and its creator have of the images placed so far (half each; an unknown creator counts as new).
    Scores are taken in parts of the distance between the first and the last of these images. So 0 leaves the
    order as it is, and with 1 the largest difference in score weighs as much as coming from a source that has
    all places so far. (A greedy trade of relevance for novelty after Carbonell and Goldstein, SIGIR 1998.)

    Args:
        answer: Ranked.
        amount: 0 to 1.
        records: Gives suppliers and creators.
    """
    head = _head(answer)
    if amount <= 0 or head < 3:
        return answer
    known = records(int(row) for row in answer.rows[:head])
    found = [known.get(int(row)) for row in answer.rows[:head]]
    suppliers = _codes([record.supplier if record else "" for record in found])
    creators = _codes([record.metadata.creator if record else "" for record in found])
    scores = answer.scores[:head]
    worth = (scores - scores.min()) / (float(np.ptp(scores)) or 1.0)
    order = _fill(worth, amount, suppliers, creators)
    return answer.only(np.concatenate([order, np.arange(head, len(answer.rows))]), answer.relevant)


def _head(answer: Answer) -> int:
    """Images that are mixed: the first ones, and of them the relevant ones where there are some."""
    return min(FIRST, answer.relevant or len(answer.rows))


def _fill(worth: np.ndarray, amount: float, suppliers: Rows, creators: Rows) -> Rows:
    left = np.ones(len(worth), bool)
    counts = [np.zeros(int(codes.max()) + 1) for codes in (suppliers, creators)]
    order = np.empty(len(worth), np.int64)
    for placed in range(len(worth)):
        shares = (counts[0][suppliers] + np.where(creators > 0, counts[1][creators], 0.0)) / (
            2 * max(placed, 1)
        )
        value = np.where(left, worth - amount * shares, -np.inf)
        best = int(value.argmax())
        order[placed], left[best] = best, False
        counts[0][suppliers[best]] += 1
        counts[1][creators[best]] += 1
    return order


def _codes(names: Sequence[str]) -> Rows:
    """A number for each name, 0 for none."""
    known = {"": 0}
    return np.array([known.setdefault(name, len(known)) for name in names], np.int64)
