"""Judgments out of clicks: a grade for an image under words, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tusou.feedback.attraction import Floats as AnyFloats
from tusou.feedback.attraction import attraction, beta_posterior
from tusou.feedback.examination import Examination
from tusou.feedback.tallies import Floats, Tallies

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
    examined = tallies.impressions * examination.of(tallies.cells)[tallies.cell]
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


def _confidence(alpha: AnyFloats, beta: AnyFloats, grades: np.ndarray, mean: float) -> Floats:
    """Mass of each Beta distribution between the bounds of its grade."""
    from scipy.special import betainc

    bounds = np.minimum(np.array([0.0, *LIFTS, np.inf]) * mean, 1.0)
    return np.asarray(betainc(alpha, beta, bounds[grades + 1]) - betainc(alpha, beta, bounds[grades]))
