"""Judgments out of clicks: a grade for an image under words, and how sure it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from tusou.evaluation.qrels import Judgment, write_judgments
from tusou.feedback.attraction import Floats as AnyFloats
from tusou.feedback.attraction import attraction, beta_posterior
from tusou.feedback.examination import Examination
from tusou.feedback.tallies import Floats, Tallies
from tusou.text.language import detect_language

LIFTS = (1.0, 2.0, 4.0)
"""Grade 1, 2 and 3 begin where an image is chosen so many times as often as images are on average."""


@dataclass(frozen=True, slots=True)
class ClickJudgment:
    """What people's choices say of one image under one query.

    Attributes:
        text: The words, in normalised spelling.
        image_id: The image.
        grade: 0 to 3; see LIFTS.
        confidence: Probability that the grade is this one, given the clicks.
        clicks: Answers in which it was chosen.
        examinations: Expected examinations it rests on.
    """

    text: str
    image_id: str
    grade: int
    confidence: float
    clicks: float
    examinations: float


def judge(tallies: Tallies, examination: Examination) -> Iterator[ClickJudgment]:
    """Judge every (words, image) pair that was shown.

    The measure is clicks over expected examinations, with the mean attraction of the log as the prior of
    every pair; so a pair that was hardly examined gets grade 1 with little confidence. Words are needed: a
    search by picture judges nothing.
    """
    pair, first = tallies.pairs()
    examined = tallies.impressions * examination.counted(tallies.cells)[tallies.cell]
    clicks: Floats = np.bincount(pair, tallies.clicks, len(first)).astype(np.float64)
    examinations: Floats = np.bincount(pair, examined, len(first)).astype(np.float64)
    if not clicks.sum():
        return
    mean = float(clicks.sum() / examinations.sum())
    prior = np.full(len(first), min(mean, 1.0))
    grades = np.digitize(attraction(clicks, examinations, prior) / mean, LIFTS)
    sure = _confidence(*beta_posterior(clicks, examinations, prior), grades, mean)
    for i, entry in enumerate(first):
        text = tallies.texts[tallies.text[entry]]
        if text:
            image = tallies.images[tallies.image[entry]]
            yield ClickJudgment(
                text, image, int(grades[i]), float(sure[i]), float(clicks[i]), float(examinations[i])
            )


def export_judgments(folder: Path, judged: Sequence[ClickJudgment], documents: Mapping[str, str]) -> int:
    """Write ``judgments.qrels`` and ``queries.jsonl``, and ``judgments.jsonl`` with what each rests on.

    Args:
        folder: Where the files go; made when there is none.
        judged: What is written.
        documents: Image id to its name in qrels; images without one, or whose name has white space, are left
            out.

    Returns:
        Judgments written.
    """
    named = {image: name for image, name in documents.items() if name and not any(map(str.isspace, name))}
    kept = [each for each in judged if each.image_id in named]
    queries = {each.text: _query_id(each.text) for each in kept}
    folder.mkdir(parents=True, exist_ok=True)
    write_judgments(
        folder / "judgments.qrels",
        (Judgment(queries[each.text], "clicks", named[each.image_id], each.grade) for each in kept),
    )
    _write_rows(
        folder / "queries.jsonl",
        [
            {"query_id": name, "lang": detect_language(text), "kind": "clicks", "q": text}
            for text, name in sorted(queries.items())
        ],
    )
    _write_rows(
        folder / "judgments.jsonl",
        [
            {
                "query_id": queries[each.text],
                "doc_id": named[each.image_id],
                "grade": each.grade,
                "confidence": round(each.confidence, 4),
                "clicks": each.clicks,
                "examinations": round(each.examinations, 3),
            }
            for each in kept
        ],
    )
    return len(kept)


def _query_id(text: str) -> str:
    return f"clicks-{blake2b(text.encode(), digest_size=6).hexdigest()}"


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _confidence(alpha: AnyFloats, beta: AnyFloats, grades: np.ndarray, mean: float) -> Floats:
    """Mass of each Beta distribution between the bounds of its grade."""
    from scipy.special import betainc

    bounds = np.minimum(np.array([0.0, *LIFTS, np.inf]) * mean, 1.0)
    return np.asarray(betainc(alpha, beta, bounds[grades + 1]) - betainc(alpha, beta, bounds[grades]))
