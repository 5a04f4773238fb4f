"""A fixed image bank: what cosines of a query look like over images nobody chose for it.

A raw cosine does not compare between queries: one query's best match lies below another's noise.
Standardised over a fixed bank of images, z = (s - mean) / standard deviation, it does. The cosine of a query
q with an image e is their inner product, so over the bank its mean is q·m and its variance q·Cq, with m and C
the mean and covariance of the bank's embeddings: these say everything, and no image has to be kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.errors import RankerError
from tusou.types import Embeddings

SMALLEST_SPREAD = 1e-6
"""Standard deviation below which a bank tells nothing about a query."""

FEWEST_IMAGES = 100
"""Images a bank needs: with n of them a standard deviation is known to about 1 / √(2n), here 7 %."""


@dataclass(frozen=True, eq=False)
class ImageBank:
    """Mean and covariance of the embeddings of a fixed set of images.

    Attributes:
        mean: (dim,) float32.
        covariance: (dim, dim) float32.
    """

    mean: npt.NDArray[np.float32]
    covariance: npt.NDArray[np.float32]

    def standardize(self, embedding: Embeddings, cosines: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Standard deviations by which cosines of one query lie above the bank's mean.

        Args:
            embedding: (dim,) the query's.
            cosines: (n,) of candidates with it.

        Returns:
            (n,); NaN where the bank's cosines hardly differ.
        """
        spread = float(np.sqrt(max(float(embedding @ self.covariance @ embedding), 0.0)))
        if spread < SMALLEST_SPREAD:
            return np.full(len(cosines), np.nan, np.float32)
        standardized: npt.NDArray[np.float32] = (cosines - float(embedding @ self.mean)) / np.float32(spread)
        return standardized


def measure_bank(blocks: Iterable[npt.NDArray[np.floating]]) -> ImageBank:
    """Mean and covariance of many embeddings, block by block.

    Args:
        blocks: (n, dim) each.

    Raises:
        RankerError: Fewer than FEWEST_IMAGES.
    """
    count, total, products = 0, np.zeros(0), np.zeros((0, 0))
    for block in blocks:
        values = block.astype(np.float64)
        count += len(values)
        total = values.sum(axis=0) + (total if len(total) else 0)
        products = values.T @ values + (products if len(products) else 0)
    if count < FEWEST_IMAGES:
        raise RankerError(
            f"a bank needs at least {FEWEST_IMAGES} embedded images, there are {count}: ingest more",
            reason="too_few_images",
        )
    mean = total / count
    covariance = products / count - np.outer(mean, mean)
    return ImageBank(mean.astype(np.float32), covariance.astype(np.float32))
