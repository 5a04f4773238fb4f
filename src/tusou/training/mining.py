"""Hard negatives: the wrong images a model scores highest."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tusou.text.normalize import normalize
from tusou.training.data.relevance import Positions, RelevanceData

_BLOCK = 512


def mine_negatives(
    data: RelevanceData, queries: Tensor, images: Tensor, depth: int, skip: int = 0
) -> Positions:
    """Find, for every query, the images of highest cosine that are not in its list as relevant.

    Args:
        data: Lists.
        queries: (queries, dim) rows.
        images: (images, dim) rows.
        depth: Negatives of a query; at most all images that are not relevant.
        skip: Best scored ones left out: captions name what many images show, so the very best are often
            right.

    A query with the very words of another has that one's images as well: they are no negatives either.

    Returns:
        (queries, depth) positions of images, best scored first.
    """
    owners, items = _relevant_of_words(data)
    most = int(np.bincount(owners, minlength=1).max())
    skip = max(min(skip, len(data.pictures) - most - 1), 0)
    depth = max(min(depth, len(data.pictures) - most - skip), 1)
    found = np.empty((len(queries), depth), dtype=np.int64)
    for start in range(0, len(queries), _BLOCK):
        stop = min(start + _BLOCK, len(queries))
        scores = (queries[start:stop] @ images.T).cpu()
        inside = slice(*np.searchsorted(owners, [start, stop]))
        scores[torch.from_numpy(owners[inside] - start), torch.from_numpy(items[inside])] = -torch.inf
        found[start:stop] = scores.topk(depth + skip, dim=1).indices[:, skip:].numpy()
    return found


def _relevant_of_words(data: RelevanceData) -> tuple[Positions, Positions]:
    """Queries, ascending, and the images relevant to their words: their own and those of the same words.

    Returns:
        (pairs,) positions of queries and (pairs,) positions of images, each pair once.
    """
    words: dict[str, int] = {}
    group = np.array([words.setdefault(normalize(query), len(words)) for query in data.queries], np.int64)
    relevant = data.grades > 0
    images = len(data.pictures)
    of_group = np.unique(group[data.query_of_entry[relevant]] * images + data.items[relevant])
    starts = np.searchsorted(of_group, np.arange(len(words) + 1) * images)
    counts = np.diff(starts)[group]
    owners = np.repeat(np.arange(len(data.queries)), counts)
    within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owners, of_group[np.repeat(starts[group], counts) + within] % images
