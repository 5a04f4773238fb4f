"""Hard negatives: the wrong images a model scores highest."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

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

    Returns:
        (queries, depth) positions of images, best scored first.
    """
    owners, relevant = data.query_of_entry, data.grades > 0
    most = int(np.bincount(owners[relevant], minlength=1).max())
    skip = max(min(skip, len(data.pictures) - most - 1), 0)
    depth = max(min(depth, len(data.pictures) - most - skip), 1)
    found = np.empty((len(queries), depth), dtype=np.int64)
    for start in range(0, len(queries), _BLOCK):
        stop = min(start + _BLOCK, len(queries))
        scores = queries[start:stop] @ images.T
        inside = relevant & (owners >= start) & (owners < stop)
        scores[torch.from_numpy(owners[inside] - start), torch.from_numpy(data.items[inside])] = -torch.inf
        found[start:stop] = scores.topk(depth + skip, dim=1).indices[:, skip:].numpy()
    return found
