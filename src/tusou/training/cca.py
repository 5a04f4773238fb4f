"""Two linear heads into one space by regularised canonical correlation analysis, in closed form.

Kinds of data (photos with sentences, drawings with keywords, class names) enter as second moments around
their own means, so that "is a drawing" never becomes a reason to match "is a keyword": the difference of
the means counts as variance on each side and not as covariance between the sides.

Leading canonical directions weighted by their correlation: Li, Chinchali, Topcu, "CSA" (arXiv 2410.07610).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from tusou.errors import ConfigError


@dataclass(frozen=True)
class Moments:
    """First and second moments of one kind of (image, text) pairs; each image weighs the same.

    Attributes:
        image_mean: (p,).
        text_mean: (q,).
        image: Covariance of the images, (p, p).
        text: Covariance of the texts, (q, q), texts of one image included.
        cross: Covariance between an image and its texts, (p, q).
    """

    image_mean: np.ndarray
    text_mean: np.ndarray
    image: np.ndarray
    text: np.ndarray
    cross: np.ndarray


@dataclass(frozen=True)
class Head:
    """embedding = normalise(features @ matrix + bias).

    Attributes:
        matrix: (features, dim) float32.
        bias: (dim,) float32.
    """

    matrix: np.ndarray
    bias: np.ndarray

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Embed rows of features, L2-normalised."""
        projected: np.ndarray = features @ self.matrix + self.bias
        projected /= np.linalg.norm(projected, axis=1, keepdims=True)
        return projected


def moments(images: np.ndarray, texts: np.ndarray, image_of_text: np.ndarray) -> Moments:
    """Measure one kind of pairs.

    Args:
        images: (n, p) image features.
        texts: (m, q) text features.
        image_of_text: (m,) position of each text's image; every image has a text.
    """
    counts = np.bincount(image_of_text, minlength=len(images))
    weights = (1 / (counts[image_of_text] * len(images))).astype(np.float32)[:, None]
    image_mean, text_mean = images.mean(axis=0), (weights * texts).sum(axis=0)
    images, texts = images - image_mean, texts - text_mean
    means = np.zeros((len(images), texts.shape[1]), dtype=np.float32)
    np.add.at(means, image_of_text, weights * texts)
    scaled = np.sqrt(weights) * texts
    return Moments(
        image_mean, text_mean, images.T @ images / len(images), scaled.T @ scaled, images.T @ means
    )


def combine(kinds: Sequence[Moments], shares: Sequence[float]) -> Moments:
    """Mix kinds of pairs; differences between their means count as variance only."""
    parts = np.array(shares) / sum(shares)
    image_mean = sum(part * kind.image_mean for part, kind in zip(parts, kinds, strict=True))
    text_mean = sum(part * kind.text_mean for part, kind in zip(parts, kinds, strict=True))
    image = sum(
        part * (kind.image + _outer(kind.image_mean - image_mean))
        for part, kind in zip(parts, kinds, strict=True)
    )
    text = sum(
        part * (kind.text + _outer(kind.text_mean - text_mean))
        for part, kind in zip(parts, kinds, strict=True)
    )
    cross = sum(part * kind.cross for part, kind in zip(parts, kinds, strict=True))
    return Moments(image_mean, text_mean, image, text, cross)


def fit_heads(
    data: Moments, dim: int, image_shrinkage: float, text_shrinkage: float, power: float = 1.0
) -> tuple[Head, Head]:
    """Solve for both heads.

    Args:
        data: Moments of all pairs.
        dim: Directions kept.
        image_shrinkage: Added to every image variance, in units of the mean variance.
        text_shrinkage: The same for texts.
        power: Each direction is weighted by its correlation to this power.

    Returns:
        Image head and text head.

    Raises:
        ConfigError: There are fewer directions than that.
    """
    if dim > min(data.cross.shape):
        raise ConfigError(
            f"scorer.dim = {dim}: canonical correlation of {data.cross.shape[0]} image features with "
            f"{data.cross.shape[1]} text features has {min(data.cross.shape)} directions at most"
        )
    image_factor = _factor(data.image, image_shrinkage)
    text_factor = _factor(data.text, text_shrinkage)
    whitened = scipy.linalg.solve_triangular(image_factor, data.cross, lower=True)
    whitened = scipy.linalg.solve_triangular(text_factor, whitened.T, lower=True).T
    width = whitened.shape[1]
    squares, right = scipy.linalg.eigh(
        (whitened.T @ whitened).astype(np.float64), subset_by_index=[width - dim, width - 1]
    )
    correlations, right = np.sqrt(np.maximum(squares[::-1], 1e-12)), right[:, ::-1]
    left = whitened @ right / correlations
    weights = correlations**power
    image = scipy.linalg.solve_triangular(image_factor.T, left * weights, lower=False)
    text = scipy.linalg.solve_triangular(text_factor.T, right * weights, lower=False)
    return _head(image, data.image_mean), _head(text, data.text_mean)


def _factor(covariance: np.ndarray, shrinkage: float) -> np.ndarray:
    ridge = shrinkage * np.trace(covariance) / len(covariance)
    factor: np.ndarray = scipy.linalg.cholesky(covariance + ridge * np.eye(len(covariance)), lower=True)
    return factor


def _head(matrix: np.ndarray, mean: np.ndarray) -> Head:
    return Head(matrix.astype(np.float32), (-mean @ matrix).astype(np.float32))


def _outer(vector: np.ndarray) -> np.ndarray:
    return np.outer(vector, vector)
