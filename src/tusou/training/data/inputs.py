"""What towers read: pixels or cached rows of images, ids or cached rows of queries, by position."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tusou.encoders.preprocess import pixel_tensor
from tusou.encoders.tokenizers_base import TokenReader
from tusou.models.manifest import ImageInput
from tusou.training.data.augment import views
from tusou.training.data.decoding import decode_picture
from tusou.training.data.relevance import Picture, Positions


class ImageInputs(Protocol):
    """Inputs of the learning part of an image tower."""

    def take(self, positions: Positions, draw: int | None) -> Tensor:
        """Inputs of some images.

        Args:
            positions: (n,).
            draw: Chooses the augmented view of each; None takes the plain one.

        Returns:
            (n, …) float32.
        """
        ...


class CachedImages:
    """Rows computed once: features, or maps of a frozen trunk; one array for each view."""

    def __init__(self, plain: npt.NDArray[Any], augmented: Sequence[npt.NDArray[Any]] = ()) -> None:
        """Keep the arrays; each holds a row for every image."""
        self._views = [plain, *augmented]

    def take(self, positions: Positions, draw: int | None) -> Tensor:
        """See ImageInputs."""
        if draw is None or len(self._views) == 1:
            return torch.from_numpy(self._views[0][positions].astype(np.float32))
        chosen = np.random.default_rng(draw).integers(len(self._views), size=len(positions))
        rows = np.empty((len(positions), *self._views[0].shape[1:]), np.float32)
        for view, array in enumerate(self._views):
            rows[chosen == view] = array[positions[chosen == view]]
        return torch.from_numpy(rows)


class PixelImages:
    """Pictures decoded on use by a few threads, the same way as for ingest and queries."""

    def __init__(
        self, pictures: Sequence[Picture], spec: ImageInput, *, augment: bool = False, threads: int = 2
    ) -> None:
        """Prepare.

        Args:
            pictures: Where the bytes are.
            spec: How pixels become the tower's input.
            augment: Whether a draw alters them.
            threads: Decoders.
        """
        self._pictures, self._spec, self._augment = pictures, spec, augment
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="decode")

    def take(self, positions: Positions, draw: int | None) -> Tensor:
        """See ImageInputs.

        Raises:
            DataError: A picture cannot be read or decoded; the message names it.
        """
        pixels = list(self._threads.map(decode_picture, (self._pictures[i] for i in positions)))
        if self._augment and draw is not None:
            pixels = list(views(pixels, 1, draw, size=self._spec.size)[:, 0])
        return torch.from_numpy(pixel_tensor(pixels, self._spec))


class TextInputs(Protocol):
    """Inputs of the learning part of a text tower."""

    def take(self, positions: Positions) -> tuple[Tensor, ...]:
        """Inputs of some queries, each with n rows."""
        ...


class CachedTexts:
    """Features of a frozen sentence encoder."""

    def __init__(self, features: npt.NDArray[Any]) -> None:
        """Keep (queries, width)."""
        self._features = features

    def take(self, positions: Positions) -> tuple[Tensor, ...]:
        """See TextInputs."""
        return (torch.from_numpy(self._features[positions].astype(np.float32)),)


class TokenTexts:
    """Ids and mask of each query.

    Attributes:
        rows: Ids of each query.
    """

    def __init__(self, reader: TokenReader, queries: Sequence[str]) -> None:
        """Tokenise every query once."""
        self._reader = reader
        self.rows = [reader.ids(query) for query in queries]

    def take(self, positions: Positions) -> tuple[Tensor, ...]:
        """See TextInputs."""
        ids, mask = self._reader.batch([self.rows[i] for i in positions])
        return torch.from_numpy(ids), torch.from_numpy(mask)


class CachedTextsWithTokens:
    """Features of a frozen sentence encoder, and the ids and mask of its tokens."""

    def __init__(self, features: npt.NDArray[Any], tokens: TokenTexts) -> None:
        """Keep both."""
        self._features, self.tokens = CachedTexts(features), tokens

    def take(self, positions: Positions) -> tuple[Tensor, ...]:
        """See TextInputs: features, ids, mask."""
        return (*self._features.take(positions), *self.tokens.take(positions))
