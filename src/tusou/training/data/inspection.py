"""Decode every image of a data set in guarded workers: who is damaged, and whose fingerprints are alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tusou.errors import TusouError
from tusou.imaging.decode import decode
from tusou.imaging.fingerprint import FINGERPRINT_BYTES, fingerprint
from tusou.imaging.limits import Limits
from tusou.imaging.pool import GuardedPool
from tusou.training.data.problems import Problems
from tusou.training.data.relevance import Picture


@dataclass(frozen=True)
class Inspection:
    """What decoding found, image by image.

    Attributes:
        good: (pictures,) True where the image can be decoded.
        fingerprints: (pictures, 32) uint8 PDQ; zeros where damaged.
        qualities: (pictures,) int64 PDQ quality, 0 to 100; 0 where damaged.
    """

    good: npt.NDArray[np.bool_]
    fingerprints: npt.NDArray[np.uint8]
    qualities: npt.NDArray[np.int64]

    def only_good(self) -> Inspection:
        """The images that can be decoded, in their order."""
        return Inspection(self.good[self.good], self.fingerprints[self.good], self.qualities[self.good])


class InspectTask:
    """What a worker does with one picture; see GuardedPool."""

    def prepare(self, item: tuple[int, Picture]) -> tuple[bytes, int]:
        """Decode the whole image and fingerprint it."""
        return fingerprint(decode(item[1].read(), Limits()).pixels)

    def finish(self, parts: Sequence[tuple[bytes, int]]) -> Sequence[tuple[bytes, int]]:
        """Nothing is left to do."""
        return parts


def inspect_pictures(
    pictures: Sequence[Picture],
    problems: Problems,
    *,
    workers: int | None = None,
    report: Callable[[float], None] = lambda _: None,
) -> Inspection:
    """Decode all images; each that cannot be is a problem (``missing_image``, ``damaged_image``).

    Args:
        pictures: What to decode.
        problems: Receives what is damaged.
        workers: Processes; one per core when None.
        report: Called with the part done, 0 to 1.
    """
    count = len(pictures)
    inspected = Inspection(
        np.zeros(count, bool), np.zeros((count, FINGERPRINT_BYTES), np.uint8), np.zeros(count, np.int64)
    )
    if not count:
        return inspected
    pool: GuardedPool[tuple[int, Picture], tuple[bytes, int]] = GuardedPool(
        InspectTask, workers=workers or len(os.sched_getaffinity(0))
    )
    with pool:
        for done, outcome in enumerate(pool.map(enumerate(pictures), chunk_size=32), start=1):
            at, picture = outcome.item
            try:
                bits, inspected.qualities[at] = outcome.unwrap()
            except TusouError as error:
                reason = "missing_image" if error.reason == "picture_missing" else "damaged_image"
                problems.add(picture.key, reason, f"{error} [{error.reason}]")
            else:
                inspected.fingerprints[at] = np.frombuffer(bits, np.uint8)
                inspected.good[at] = True
            report(done / count)
    return inspected
