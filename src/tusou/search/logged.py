"""The candidates of judged queries with the features their ranking saw, out of the event log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tusou.catalog.catalog import Catalog
from tusou.errors import RankerError
from tusou.evaluation.qrels import JudgedQuery, Qrels
from tusou.feedback.store import EventStore
from tusou.ranking.feature_log import unpack_features
from tusou.ranking.features import FeatureTable
from tusou.ranking.learn.cross_validation import QueryCandidates
from tusou.text.normalize import normalize


@dataclass(frozen=True)
class LoggedCandidates:
    """What the log holds of judged queries.

    Attributes:
        queries: Those with a judged, logged image.
        answers: Logged pages they were read from.
        outdated: Pages whose features are of another version of tusou, left out.
    """

    queries: tuple[QueryCandidates, ...]
    answers: int
    outdated: int


def logged_candidates(
    store: EventStore, catalog: Catalog, queries: Sequence[JudgedQuery], qrels: Qrels
) -> LoggedCandidates:
    """Read the features of shown images; of an image shown often under the same words the latest count.

    Args:
        store: The event log.
        catalog: Names the images.
        queries: Words of the queries, compared in normalised spelling.
        qrels: Grades by ``supplier/item_id``.
    """
    wanted = {
        normalize(query.q): query
        for query in queries
        if max(qrels.get(query.query_id, {}).values(), default=0)
    }
    seen: dict[str, dict[str, tuple[np.ndarray, float]]] = {spelling: {} for spelling in wanted}
    answers = outdated = 0
    for _, logged in store.queries(features=True):
        images = seen.get(normalize(logged.user_query))
        if images is None or logged.features is None:
            continue
        try:
            table = unpack_features(logged.features)
        except RankerError:
            outdated += 1
            continue
        answers += 1
        for image_id, values in zip(logged.hits, table.values, strict=False):
            images[image_id] = values, table.image_weight
    found = (
        _candidates(wanted[spelling], images, catalog, qrels) for spelling, images in seen.items() if images
    )
    return LoggedCandidates(tuple(each for each in found if each is not None), answers, outdated)


def _candidates(
    query: JudgedQuery, images: Mapping[str, tuple[np.ndarray, float]], catalog: Catalog, qrels: Qrels
) -> QueryCandidates | None:
    records = catalog.get_many(list(images))
    kept = [image_id for image_id in images if image_id in records]
    names = tuple(f"{records[image_id].supplier}/{records[image_id].item_id}" for image_id in kept)
    judged = qrels[query.query_id]
    grades = np.array([judged.get(name, -1) for name in names], np.int64)
    if not (grades > 0).any():
        return None
    weight = images[kept[0]][1]
    table = FeatureTable(np.stack([images[image_id][0] for image_id in kept]), weight)
    rows = np.array([records[image_id].row for image_id in kept], np.int64)
    return QueryCandidates(query.query_id, table, rows, names, grades)
