"""Give unseen images a chance on page one, in a few searches, and log what chance had to do with it.

Whether a search explores, and what it shows, depends on the search and on the time cut into windows: within
one, everybody who asks the same sees the same, so that pages follow each other without repeats.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from tusou.feedback.attraction import attraction, beta_posterior
from tusou.feedback.counts import BehaviorSource
from tusou.feedback.explore import explore
from tusou.ranking.features import MEAN_ATTRACTION
from tusou.search.answer import NEAR_SHARE, Answer, Reasons

WINDOW_SECONDS = 600
SLOTS = (4, 9)
"""Places of page one that exploration may give away; the first three are the ranker's."""

POOL = 50
"""Images below a slot that may get it."""


def generator(words: str, now: float, salt: str) -> np.random.Generator:
    """Chance that is the same for everybody who asks the same within one window of time.

    Args:
        words: What is asked, with everything that makes it another search.
        now: POSIX seconds.
        salt: Of the library, so that two libraries do not explore in step.
    """
    window = int(now // WINDOW_SECONDS)
    digest = hashlib.blake2b(f"{salt}|{window}|{words}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest))


def explored(answer: Answer, words: str, behavior: BehaviorSource, rng: np.random.Generator) -> Answer:
    """Let images of the relevant set take SLOTS by Thompson sampling.

    Only what is relevant comes up; where that is unknown, what has at least NEAR_SHARE of the best score.

    Args:
        answer: Ranked.
        words: The query's words, as the event log knows them.
        behavior: What people did.
        rng: Source of chance.
    """
    count = min(SLOTS[-1] + POOL, len(answer.rows))
    rows, scores = answer.rows[:count], answer.scores[:count]
    if answer.relevant is None:
        worthy = scores >= NEAR_SHARE * scores.max(initial=0.0)
    else:
        worthy = np.arange(count) < answer.relevant
    images, pairs = behavior.of_images(rows), behavior.of_pairs(words, rows)
    prior = attraction(
        images.clicks + images.downloads, images.examinations, np.full(count, MEAN_ATTRACTION, np.float32)
    )
    posterior = beta_posterior(pairs.clicks + pairs.downloads, pairs.examinations, np.clip(prior, 0, 1))
    found = explore(worthy.astype(np.float64), posterior, floor=1.0, rng=rng, slots=SLOTS, pool=POOL)
    if not found.propensities:
        return answer
    inner, order = answer.reasons, np.concatenate([found.order, np.arange(count, len(answer.rows))])
    raised = {int(found.order[rank - 1]) for rank in found.propensities if found.order[rank - 1] != rank - 1}

    def reasons(place: int) -> Reasons:
        given = inner(place)
        return given._replace(sources=(*given.sources, "explore")) if place in raised else given

    return replace(
        replace(answer, reasons=reasons).only(order, answer.relevant), explored=dict(found.propensities)
    )
