"""``mode=same``: other copies of the query picture, apart from pictures that merely look like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tusou.index.base import Index
from tusou.search.query_image import QueryImage
from tusou.types import Mask, Rows

MAX_DISTANCE = 31
"""Bits of 256 in which fingerprints of copies may differ (PDQ's own bound; unrelated pictures: about 128)."""

MIN_QUALITY = 50
"""Quality of a fingerprint from which it can be trusted (PDQ's own bound)."""

MIN_COSINE = 0.80
"""Cosine a fingerprint match needs besides: chance matches of flat drawings are about something else."""

COPY_COSINE = 0.97
"""Cosine from which a picture counts as a copy whatever the fingerprint says (crops change it)."""


def find_copies(
    index: Index, picture: QueryImage, equal_rows: Sequence[int], depth: int, mask: Mask | None
) -> tuple[Rows, npt.NDArray[np.float64]]:
    """Copies of a picture: the same bytes, or a like fingerprint and embedding, or a very like embedding.

    Args:
        index: Where to look.
        picture: The query picture.
        equal_rows: Rows of the same bytes; they come first.
        depth: Most rows looked at by embedding.
        mask: Rows that may be found, or None for all.

    Returns:
        Rows best first (equal bytes before others), and their scores: the cosine, 1 for equal bytes.
    """
    near = index.search_vectors(picture.embedding, depth, mask).rows
    likely = np.empty(0, np.int64)
    if picture.fingerprint_quality >= MIN_QUALITY:
        likely = index.search_fingerprints(picture.fingerprint, MAX_DISTANCE, mask).rows
    equal = np.array([row for row in equal_rows if mask is None or _allows(mask, row)], np.int64)
    rows = np.unique(np.concatenate([near, likely, equal]))
    cosines = index.cosines(picture.embedding, rows).astype(np.float64)
    is_equal, is_likely = np.isin(rows, equal), np.isin(rows, likely)
    is_copy = is_equal | (is_likely & (cosines >= MIN_COSINE)) | (cosines >= COPY_COSINE)
    scores = np.where(is_equal, 1.0, np.minimum(cosines, 1.0))[is_copy]
    order = np.lexsort((rows[is_copy], -scores, ~is_equal[is_copy]))
    return rows[is_copy][order], scores[order]


def _allows(mask: Mask, row: int) -> bool:
    return row < len(mask) and bool(mask[row])
