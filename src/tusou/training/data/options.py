"""How a data set is to be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataOptions:
    """Options every reader understands as far as they concern it.

    Attributes:
        images: Folder of the image files; found beside the source when None.
        sparse: Features a LETOR row leaves out are 0; otherwise such a row is skipped.
    """

    images: Path | None = None
    sparse: bool = False
