"""Choose among a supplier's items: stated licence, no exclusion, a usable picture, no repeats, limits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from build_demo_library.exclusions import reason_to_leave_out
from build_demo_library.model import Item, Metadata
from build_demo_library.pictures import Picture, Unusable, make_picture

_SAME_BITS = 6  # of 128: scaled or recoloured copies differ in fewer
_AUTHOR_SHARE = 3


@dataclass(slots=True)
class Selection:
    """The chosen images of one supplier, and how many were left out for which reason."""

    records: list[tuple[Metadata, Picture]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    _hashes: list[int] = field(default_factory=list)
    _categories: Counter[str] = field(default_factory=Counter)
    _ids: set[str] = field(default_factory=set)

    def offer(self, supplier: str, item: Item, limit: int | None) -> None:
        """Take the item, or note why not."""
        reason = self._refusal(supplier, item, limit)
        if not reason:
            try:
                picture = make_picture(item)
            except Unusable as unusable:
                reason = str(unusable)
            else:
                reason = self._take(item, picture)
        if reason:
            self.left_out[reason] += 1

    def _refusal(self, supplier: str, item: Item, limit: int | None) -> str:
        if not item.metadata.license:
            return "licence not established"
        if item.metadata.item_id in self._ids:
            return "same item again"
        if reason := reason_to_leave_out(f"{supplier}/{item.metadata.item_id}"):
            return reason
        return "category is full" if limit is not None and self._categories[item.category] >= limit else ""

    def _take(self, item: Item, picture: Picture) -> str:
        if any((picture.hash ^ other).bit_count() <= _SAME_BITS for other in self._hashes):
            return "looks like one already taken"
        self._hashes.append(picture.hash)
        self._categories[item.category] += 1
        self._ids.add(item.metadata.item_id)
        self.records.append((item.metadata, picture))
        return ""


def select(supplier: str, items: Iterable[Item], limits: Mapping[str, int] | None = None) -> Selection:
    """Choose from ``items``; with limits, per category the best described first, authors taking turns."""
    selection = Selection()
    for item in _in_turns(items):
        selection.offer(supplier, item, limits.get(item.category, 0) if limits is not None else None)
    return selection


def _in_turns(items: Iterable[Item]) -> list[Item]:
    ranked = sorted(items, key=lambda item: (-item.score, item.metadata.item_id))
    seen: defaultdict[tuple[str, str], int] = defaultdict(int)
    turns = []
    for item in ranked:
        place = (item.category, item.metadata.creator)
        turns.append(seen[place] // _AUTHOR_SHARE)
        seen[place] += 1
    order = sorted(range(len(ranked)), key=lambda i: (turns[i], i))
    return [ranked[i] for i in order]
