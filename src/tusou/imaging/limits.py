"""What one picture may cost: the numbers every step of imaging checks before it spends anything."""

from __future__ import annotations

from dataclasses import dataclass

from tusou.config import Config


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one picture. Time and memory are bounded by the process around it (``pool``).

    Attributes:
        max_file_bytes: Largest file, in bytes.
        max_pixels: Largest width x height.
        max_side: Longest side, in pixels.
        max_scans: Most scans of a JPEG; a camera writes 1, a progressive file about 10.
        max_frames: Most frames of an animation or pages of a TIFF.
    """

    max_file_bytes: int = 256 * 1024 * 1024
    max_pixels: int = 178_000_000
    max_side: int = 30_000
    max_scans: int = 64
    max_frames: int = 10_000

    @classmethod
    def from_config(cls, config: Config) -> Limits:
        """The limits a library's settings ask for."""
        return cls(
            max_file_bytes=config.max_file_bytes,
            max_pixels=config.max_pixels,
            max_side=config.max_side,
            max_scans=config.max_scans,
        )
