"""Measure the first ranker's weights, on judged searches and on captioned photos with poor keywords.

    python scripts/tune_weights.py --library library --queries demo/queries.json
    python scripts/tune_weights.py --captions DIR

The first reads searches with their relevant items (see demo/). The second reads ``captions.jsonl``
(``image``, ``split``, ``en``, ``zh``) and ``images/`` of DIR, gives every dev photo keywords of which only a
part is right, and asks for words, pairs of words and whole captions in both languages. Both print nDCG@10
(gain 2^grade - 1) per row of weights.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from tusou.catalog.library import Library
from tusou.catalog.records import image_id_of
from tusou.encoders.bundle_encoder import BundleEncoder, open_encoder
from tusou.index.base import FieldTokens, Index, IndexDocument, TextQuery
from tusou.index.embedded import EmbeddedIndex
from tusou.ingest.indexing import open_index
from tusou.ranking.base import best_first
from tusou.ranking.convex import COVERAGE, DENSE, LEXICAL, WEIGHTS, ConvexCombination
from tusou.ranking.features import FeatureTable, RankingQuery, gather_features
from tusou.recall.fusion import unite
from tusou.search.parse import parse_query
from tusou.text.analyze import default_analyzer
from tusou.types import Embeddings, Language, Mask, Rows

DEPTH = 1000
CUTOFF = 10
SLOTS = 6
"""Keywords given to a photo in each language; its title is two of them."""

ACCURACIES = (0.39, 0.7, 1.0)
"""Chance that a keyword is right when it is drawn; with duplicates removed, .39 leaves about 30 % right."""

QUERIES_PER_KIND = 150
GRID = [
    (lexical, coverage, round(0.9 - lexical - coverage, 2))
    for lexical, coverage in product((0.1, 0.15, 0.2, 0.25, 0.3, 0.4), (0.0, 0.1, 0.2, 0.3, 0.4))
    if lexical + coverage <= 0.65
]


@dataclass(frozen=True, slots=True)
class Case:
    """One search: its candidates' features, their grades, and the grades of the ideal answer."""

    kind: str
    features: FeatureTable
    rows: Rows
    grades: npt.NDArray[np.int64]
    ideal: tuple[int, ...]


def ndcg(case: Case, weights: Mapping[str, float]) -> float:
    """Discounted gain over the ideal's, at CUTOFF; the ideal takes every judged image, found or not."""
    scores = ConvexCombination(weights).rank(case.features).values
    gains = 2.0 ** case.grades[best_first(scores, case.rows)[:CUTOFF]] - 1
    ideal = 2.0 ** np.array(case.ideal[:CUTOFF]) - 1
    discount = 1 / np.log2(np.arange(2, CUTOFF + 2))
    return float(gains @ discount[: len(gains)] / (ideal @ discount[: len(ideal)]))


def case_of(
    index: Index,
    kind: str,
    text: TextQuery,
    embedding: Embeddings,
    grades: Mapping[int, int],
    mask: Mask | None,
) -> Case:
    """Recall candidates and measure their features."""
    lists = {
        "lexical": index.search_text(text, DEPTH, mask),
        "dense": index.search_vectors(embedding, DEPTH, mask),
    }
    rows = unite(lists).rows
    found = np.array([grades.get(int(row), 0) for row in rows])
    features = gather_features(index, RankingQuery(text, embedding), rows)
    return Case(kind, features, rows, found, tuple(sorted(grades.values(), reverse=True)))


def judged_cases(library: Library, path: Path) -> Iterator[Case]:
    """Cases of a file of judged searches by words."""
    encoder = open_encoder(library.config.bundle)
    index = open_index(library, encoder)
    for judged in json.loads(path.read_text("utf-8")):
        if "image" in judged:
            continue
        parsed = parse_query(judged["q"])
        ids = [image_id_of(*item.split("/", 1)) for item in judged["relevant"]]
        grades = {record.row: 1 for record in library.catalog.get_many(ids).values()}
        parts = [
            part
            for part in (index.mask(parsed.filters), index.text_mask(parsed.text_query))
            if part is not None
        ]
        mask = np.logical_and.reduce(parts) if parts else None
        embedding = encoder.encode_texts([parsed.text])[0]
        yield case_of(index, "judged", parsed.text_query, embedding, grades, mask)


class KeptRows:
    """Embeddings in memory, as an index wants them."""

    def __init__(self, embeddings: Embeddings) -> None:
        self.dim = embeddings.shape[1]
        self._kept = embeddings.astype(np.float16)

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, rows: Rows) -> npt.NDArray[np.float16]:
        """Embeddings of the rows."""
        return self._kept[rows]

    def slice(self, start: int, stop: int) -> npt.NDArray[np.float16]:
        """Embeddings of consecutive rows."""
        return self._kept[start:stop]


class Captions:
    """Captioned photos, and what their captions say in one language.

    Attributes:
        lang: The language.
        counts: Per photo, word to the number of its captions that hold it.
        texts: Per photo, its captions.
        vocabulary: Words of at least 3 photos.
    """

    def __init__(self, photos: list[dict[str, list[str]]], lang: Language) -> None:
        self.lang = lang
        self.texts = [photo[lang] for photo in photos]
        self.counts = [Counter(w for text in texts for w in set(self._words(text))) for texts in self.texts]
        spread = Counter(word for counts in self.counts for word in counts)
        self.vocabulary = [word for word, count in spread.items() if count >= 3]
        total = np.array([spread[word] for word in self.vocabulary], float)
        self.popularity = total / total.sum()

    def _words(self, text: str) -> Iterable[str]:
        shortest = 3 if self.lang == "en" else 1
        terms = default_analyzer().terms(text)
        return (term.surface for term in terms if not term.is_stop_word and len(term.surface) >= shortest)

    def keywords(self, photo: int, accuracy: float, rng: np.random.Generator) -> list[str]:
        """Keywords for a photo: from its first three captions, or any word by popularity."""
        true = sorted({word for text in self.texts[photo][:3] for word in self._words(text)})
        drawn = [
            str(rng.choice(true))
            if true and rng.random() < accuracy
            else str(rng.choice(self.vocabulary, p=self.popularity))
            for _ in range(SLOTS)
        ]
        return list(dict.fromkeys(drawn))

    def queries(self, rng: np.random.Generator) -> Iterator[tuple[str, str, dict[int, int]]]:
        """Kind, text and grades: words and pairs that at least two captions of a photo hold, and captions."""
        words = {word: self._grades((word,)) for word in self.vocabulary}
        pairs = Counter(
            pair
            for counts in self.counts
            for pair in combinations(sorted(w for w in counts if counts[w] > 1), 2)
        )
        kinds = {
            "word": [(word, grades) for word, grades in words.items() if 5 <= len(grades) <= 150],
            "pair": [
                (" ".join(pair), self._grades(pair)) for pair, count in pairs.items() if 4 <= count <= 60
            ],
            "caption": [(texts[4], {photo: 3}) for photo, texts in enumerate(self.texts)],
        }
        for kind, queries in kinds.items():
            for i in rng.permutation(len(queries))[:QUERIES_PER_KIND]:
                yield kind, *queries[i]

    def _grades(self, words: tuple[str, ...]) -> dict[int, int]:
        graded = {photo: min(counts[word] for word in words) - 1 for photo, counts in enumerate(self.counts)}
        return {photo: min(grade, 3) for photo, grade in graded.items() if grade > 0}


def caption_cases(folder: Path, encoder: BundleEncoder) -> Iterator[Case]:
    """Cases of captioned photos at every accuracy of ACCURACIES."""
    lines = (folder / "captions.jsonl").read_text("utf-8").splitlines()
    photos = [photo for photo in map(json.loads, lines) if photo["split"] == "dev"]
    pixels = (np.asarray(Image.open(folder / "images" / photo["image"]).convert("RGB")) for photo in photos)
    embeddings = np.concatenate([encoder.encode_images([picture]) for picture in pixels])
    languages = [Captions(photos, "en"), Captions(photos, "zh")]
    asked = [(c.lang, *query) for c in languages for query in c.queries(np.random.default_rng(5))]
    encoded = encoder.encode_texts([parse_query(text).text for _, _, text, _ in asked])
    for accuracy in ACCURACIES:
        index = _keyword_index(embeddings, languages, accuracy)
        for (lang, kind, text, grades), embedding in zip(asked, encoded, strict=True):
            name = f"{accuracy} {lang} {kind}"
            yield case_of(index, name, parse_query(text).text_query, embedding, grades, None)
        index.close()


def _keyword_index(embeddings: Embeddings, languages: list[Captions], accuracy: float) -> Index:
    index = EmbeddedIndex.open(Path(tempfile.mkdtemp()), KeptRows(embeddings), "tune", writer=True)
    rng = np.random.default_rng(1)
    for row in range(len(embeddings)):
        kept = [captions.keywords(row, accuracy, rng) for captions in languages]
        title = "\n".join(" ".join(keywords[:2]) for keywords in kept)
        index.upsert([_document(row, {"title": title, "keywords": "\n".join(map("\n".join, kept))})])
    index.commit(1)
    return index


def _document(row: int, texts: Mapping[str, str]) -> IndexDocument:
    tokens = {name: default_analyzer().analyze(text) for name, text in texts.items()}
    return IndexDocument(
        row=row,
        fields={name: FieldTokens(each.words, each.grams) for name, each in tokens.items()},
        supplier="s",
        license="",
        license_type=(),
        format="jpeg",
        width=1,
        height=1,
        added=0.0,
        palette=(),
        fingerprint=bytes(32),
        fingerprint_quality=0,
        features={},
    )


def report(cases: list[Case]) -> None:
    """Print one row per weights: the mean over kinds, then each kind."""
    kinds = sorted({case.kind for case in cases})
    print(f"{len(cases)} searches; weights of lexical, coverage, dense; mean; " + "; ".join(kinds))
    for lexical, coverage, dense in [(0.9, 0.0, 0.0), (0.0, 0.0, 0.9), *GRID]:
        weights = {**WEIGHTS, LEXICAL: lexical, COVERAGE: coverage, DENSE: dense}
        means = [np.mean([ndcg(case, weights) for case in cases if case.kind == kind]) for kind in kinds]
        print(
            f"{lexical:.2f} {coverage:.2f} {dense:.2f}  {np.mean(means):.4f}  "
            + " ".join(f"{m:.3f}" for m in means)
        )


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--library", type=Path, help="library the judged searches are about")
    parser.add_argument("--queries", type=Path, help="judged searches, such as demo/queries.json")
    parser.add_argument("--captions", type=Path, help="folder with captions.jsonl and images/")
    parser.add_argument("--bundle", default="base", help="model bundle for --captions")
    options = parser.parse_args()
    if options.library and options.queries:
        with Library.open(options.library) as library:
            report(list(judged_cases(library, options.queries)))
    elif options.captions:
        report(list(caption_cases(options.captions, open_encoder(options.bundle))))
    else:
        parser.error("give --library and --queries, or --captions")


if __name__ == "__main__":
    main()
