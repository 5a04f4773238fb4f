"""What the empty page offers: words this library can answer, and a mosaic of its pictures."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tusou.catalog.catalog import Catalog
from tusou.search.suggest import one_form_each
from tusou.text.normalize import normalize
from tusou.types import ImageRecord, Language

EXAMPLES = 7
THEMES = 12
MOSAIC = 28
PLACES = 6  # per supplier, evenly spread over its deliveries
RECORDS_PER_PLACE = 40
DULL = 12.0  # colourfulness below which a picture is grey


@dataclass(frozen=True, slots=True)
class HomeContent:
    """What the home shows.

    Attributes:
        examples: Words per language, found in the keywords of several suppliers.
        themes: Keywords per language, each with a picture that carries it.
        mosaic: Pictures of all suppliers in turn.
    """

    examples: dict[Language, tuple[str, ...]]
    themes: dict[Language, tuple[tuple[str, ImageRecord], ...]]
    mosaic: tuple[ImageRecord, ...]


class Home:
    """Keeps the content until the library changes."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[int, frozenset[str]], HomeContent] | None = None

    def content(self, catalog: Catalog, withheld: frozenset[str] = frozenset()) -> HomeContent:
        """The content for the library as it is now.

        Args:
            catalog: The library's catalog.
            withheld: Suppliers whose images may not be shown.
        """
        state = (catalog.last_change(), withheld)
        if self._kept is None or self._kept[0] != state:
            self._kept = (state, home_content(catalog, withheld))
        return self._kept[1]


def home_content(catalog: Catalog, withheld: frozenset[str] = frozenset()) -> HomeContent:
    """Look at a sample of every supplier; the same library gives the same home."""
    names = [supplier.name for supplier in catalog.suppliers() if supplier.name not in withheld]
    samples = {name: sample(catalog, name) for name in names}
    records = [record for part in samples.values() for record in part]
    return HomeContent(
        examples={"zh": common_words(records, "zh"), "en": common_words(records, "en")},
        themes={"zh": themes(records, "zh"), "en": themes(records, "en")},
        mosaic=tuple(in_turn([showy(part) for part in samples.values()], MOSAIC)),
    )


def sample(catalog: Catalog, supplier: str) -> list[ImageRecord]:
    """A few hundred records of one supplier from several places of the catalog."""
    step = max(1, catalog.row_limit() // PLACES)
    found: dict[str, ImageRecord] = {}
    for place in range(PLACES):
        for record in catalog.records(place * step - 1, RECORDS_PER_PLACE, supplier=supplier):
            found[record.image_id] = record
    return list(found.values())


def themes(records: Sequence[ImageRecord], lang: Language) -> tuple[tuple[str, ImageRecord], ...]:
    """Common keywords, each with its showiest picture that no theme before has."""
    shown: dict[str, ImageRecord] = {}
    best = showy(records)
    for word in common_words(records, lang, THEMES):
        taken = {record.sha256 for record in shown.values()}
        having = (record for record in best if word in _keywords(record, lang) and record.sha256 not in taken)
        if (record := next(having, None)) is not None:
            shown[word] = record
    return tuple(shown.items())


def _keywords(record: ImageRecord, lang: Language) -> set[str]:
    metadata = record.metadata
    keywords = metadata.keywords_zh if lang == "zh" else metadata.keywords_en
    return {normalize(keyword).strip() for keyword in keywords}


def common_words(records: Iterable[ImageRecord], lang: Language, count: int = EXAMPLES) -> tuple[str, ...]:
    """Keywords that many suppliers share, then those that are frequent."""
    counts: Counter[str] = Counter()
    users: defaultdict[str, set[str]] = defaultdict(set)
    for record in records:
        for word in _keywords(record, lang):
            if _is_example(word, lang):
                counts[word] += 1
                users[word].add(record.supplier)
    ranked = sorted(counts, key=lambda word: (-len(users[word]), -counts[word], word))
    return tuple(one_form_each(ranked)[:count])


def _is_example(word: str, lang: Language) -> bool:
    if lang == "zh":
        return 1 <= len(word) <= 5 and all("\u4e00" <= letter <= "\u9fff" for letter in word)
    return 3 <= len(word) <= 14 and word.isascii() and word.replace(" ", "").isalpha()


def showy(records: Sequence[ImageRecord]) -> list[ImageRecord]:
    """Colourful pictures of ordinary shape first, in an order that mixes neighbours."""
    mixed = sorted(records, key=lambda record: record.image_id)
    random.Random(0).shuffle(mixed)  # noqa: S311 - an order for the eye, not a secret
    return sorted(mixed, key=lambda record: not _is_showy(record))


def _is_showy(record: ImageRecord) -> bool:
    ratio = record.width / record.height
    return record.quality.colorfulness > DULL and 0.6 <= ratio <= 2.0


def in_turn(parts: Sequence[Sequence[ImageRecord]], count: int) -> list[ImageRecord]:
    """Take one of each part in turn until there are enough; the same bytes only once."""
    chosen: dict[str, ImageRecord] = {}
    for turn in range(max((len(part) for part in parts), default=0)):
        for part in parts:
            if turn < len(part) and len(chosen) < count:
                chosen.setdefault(part[turn].sha256, part[turn])
    return list(chosen.values())
