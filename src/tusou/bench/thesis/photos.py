"""World B: natural photos with captions in both languages (Flickr8k, where the user has it).

Five people described each photo in each language. A word at least two of them used is a true keyword; how
many of them used a query's words is how relevant the photo is: at least three of five are grade 2, fewer 1.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tusou.bench.thesis.measuring import embedded, measured_quality, nearest, texts_of
from tusou.bench.thesis.scores import score_cca, score_shipped
from tusou.bench.thesis.world import TEST_QUERIES, TRAIN_QUERIES, Query, World, split_queries
from tusou.encoders.base import Encoder
from tusou.errors import EvaluationError
from tusou.imaging.decode import decode
from tusou.imaging.limits import Limits
from tusou.text.analyze import default_analyzer
from tusou.text.english import stem
from tusou.text.stopwords import STOP_WORDS
from tusou.types import Embeddings, Pixels

TRAIN_PHOTOS = 2000
"""Photos of the train split that the bank, the looks of words and CCA are measured on."""

TRUE_FROM, FULL_FROM = 2, 3
"""People of five whose word makes a true keyword; a full answer."""

FEWEST, LARGEST_SHARE = 5, 0.15
"""Photos a word must be true of to be asked for, and the largest share of all."""

UNANSWERABLE = 40

Line = Mapping[str, Any]
"""image, split, and captions by language."""

Word = tuple[str, str]
"""Language and stem."""

_STOP = STOP_WORDS | {
    *("two", "three", "one", "four", "several", "group", "young"),
    *("up", "down", "out", "while", "front", "behind", "near", "next"),
}


def photo_world(folder: Path, encoder: Encoder, seed: int) -> World:
    """Make the world.

    Args:
        folder: Folder with captions.jsonl (image, split, en, zh) and images/.
        encoder: Towers of the learned score; the shipped ones saw the train split, never the dev split.
        seed: Of queries.

    Raises:
        EvaluationError: The folder holds no such data.
    """
    rng = np.random.default_rng(seed)
    lines = _lines(folder)
    seen = [line for line in lines if line["split"] == "train"]
    seen = [seen[i] for i in rng.permutation(len(seen))[:TRAIN_PHOTOS]]
    held = [line for line in lines if line["split"] == "dev"]
    surfaces: dict[Word, Counter[str]] = defaultdict(Counter)
    said_in_training = [_said(line, surfaces) for line in seen]
    said = [_said(line, surfaces) for line in held]
    words = sorted({word for counts in said for word, count in counts.items() if count >= TRUE_FROM})
    counts = _counts(said, words)
    described = np.flatnonzero((counts >= TRUE_FROM).sum(axis=1))
    counts = counts[described]
    pictures = [_pixels(folder, held[i]) for i in described.tolist()]
    truth, gallery = counts >= TRUE_FROM, embedded(encoder, pictures)
    queries, grades = _queries(words, surfaces, counts, truth, rng)
    absent = _absent(said_in_training, said, rng)
    others = (
        texts_of(encoder, [query.q for query in queries]),
        gallery,
        texts_of(encoder, [_surface(surfaces, word) for word in absent]),
    )
    pairs = _pairs(folder, encoder, seen)
    train, test = split_queries(len(queries), rng)
    popularity = truth.sum(axis=0).astype(np.float64)
    return World(
        name="photos",
        concepts=tuple((_surface(surfaces, word),) for word in words),
        truth=truth,
        confusable=_confusable(encoder, words, surfaces, truth, gallery),
        popularity=popularity / popularity.sum(),
        queries=queries,
        train=train,
        test=test,
        grades=grades,
        deep={"shipped": score_shipped(pairs, others), "cca": score_cca(pairs, others)},
        stored={**measured_quality(pictures), "authority": rng.random(len(pictures))},
        appeal=np.ones(len(pictures)),
    )


def _counts(said: Sequence[Counter[Word]], words: Sequence[Word]) -> np.ndarray:
    """(photos, words) how many people used each word of each photo."""
    place = {word: i for i, word in enumerate(words)}
    counts = np.zeros((len(said), len(words)), np.int64)
    for row, spoken in enumerate(said):
        for word, count in spoken.items():
            if word in place:
                counts[row, place[word]] = count
    return counts


def _pairs(
    folder: Path, encoder: Encoder, lines: Sequence[Line]
) -> tuple[Embeddings, Embeddings, np.ndarray]:
    """Training photos with one caption in each language."""
    captions = [line[lang][0] for line in lines for lang in ("en", "zh")]
    images = embedded(encoder, (_pixels(folder, line) for line in lines))
    return images, texts_of(encoder, captions), np.repeat(np.arange(len(lines)), 2)


def _lines(folder: Path) -> list[Line]:
    path = folder / "captions.jsonl"
    if not path.exists():
        raise EvaluationError(
            f"{path} is missing: --flickr8k names a folder with captions.jsonl (image, split, en, zh) and "
            "images/",
            reason="data_not_found",
        )
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _pixels(folder: Path, line: Line) -> Pixels:
    return decode((folder / "images" / str(line["image"])).read_bytes(), Limits()).pixels


def _said(line: Line, surfaces: dict[Word, Counter[str]]) -> Counter[Word]:
    """Content words of a photo's captions, and how many people used each."""
    found: Counter[Word] = Counter()
    for lang in ("en", "zh"):
        for caption in line[lang]:
            used = dict(_content(lang, caption))
            for word, surface in used.items():
                surfaces[word][surface] += 1
            found.update(used.keys())
    return found


def _content(lang: str, caption: str) -> Iterator[tuple[Word, str]]:
    if lang == "en":
        for token in re.findall(r"[a-z]+", caption.lower()):
            if len(token) > 2 and token not in _STOP:
                yield (lang, stem(token)), token
    else:
        for token in (term.surface for term in default_analyzer().terms(caption)):
            if len(token) > 1 and token not in _STOP and re.fullmatch(r"[\u4e00-\u9fff]+", token):
                yield (lang, token), token


def _surface(surfaces: Mapping[Word, Counter[str]], word: Word) -> str:
    return surfaces[word].most_common(1)[0][0]


def _queries(
    words: Sequence[Word],
    surfaces: Mapping[Word, Counter[str]],
    counts: np.ndarray,
    truth: np.ndarray,
    rng: np.random.Generator,
) -> tuple[tuple[Query, ...], np.ndarray]:
    """One word, or one time in three two words people used of one photo; frequent queries first by chance."""
    frequency, langs = truth.sum(axis=0), [lang for lang, _ in words]
    usable = np.flatnonzero((frequency >= FEWEST) & (frequency <= LARGEST_SHARE * len(truth)))
    queries, grades, used = [], [], set()
    needed = TRAIN_QUERIES + TEST_QUERIES
    order = rng.permutation(usable)
    for number, first in enumerate([*order, *rng.permutation(usable)] * 4):
        together = truth[truth[:, first]].sum(axis=0)
        others = [o for o in usable if o != first and together[o] >= 2 and langs[o] == langs[first]]
        pair = number % 3 == 0 and bool(others)
        asked = (int(first), int(rng.choice(others))) if pair else (int(first),)
        if frozenset(asked) in used:
            continue
        used.add(frozenset(asked))
        lowest = counts[:, list(asked)].min(axis=1)
        lang = words[int(first)][0]
        text = ("" if lang == "zh" else " ").join(_surface(surfaces, words[each]) for each in asked)
        queries.append(Query(text, lang, compound=pair))
        grades.append(np.where(lowest >= FULL_FROM, 2, np.where(lowest >= 1, 1, 0)))
        if len(queries) == needed:
            return tuple(queries), np.stack(grades)
    raise EvaluationError(
        f"these captions give {len(queries)} queries, {needed} are needed", reason="too_few_queries"
    )


def _absent(
    in_training: Sequence[Counter[Word]], said: Sequence[Counter[Word]], rng: np.random.Generator
) -> list[Word]:
    """Words of training photos that nobody used of a test photo."""
    known = Counter(word for spoken in in_training for word, count in spoken.items() if count >= TRUE_FROM)
    spoken_of = {word for spoken in said for word in spoken}
    absent = sorted(word for word, count in known.items() if count >= 2 and word not in spoken_of)
    return [absent[i] for i in rng.permutation(len(absent))[:UNANSWERABLE].tolist()]


def _confusable(
    encoder: Encoder,
    words: Sequence[Word],
    surfaces: Mapping[Word, Counter[str]],
    truth: np.ndarray,
    images: np.ndarray,
) -> np.ndarray:
    """Five words of the same language whose photos look most alike, and five that mean nearly the same."""
    looks = truth.T.astype(np.float32) @ images / truth.sum(axis=0)[:, None]
    means = texts_of(encoder, [_surface(surfaces, word) for word in words])
    langs = np.array([lang for lang, _ in words])
    apart = langs[:, None] != langs[None, :]
    return np.concatenate([nearest(each - each.mean(axis=0), apart=apart) for each in (looks, means)], axis=1)
