"""Colours as people filter by them: CIE Lab, and a dozen named anchors for facets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NAMED_COLORS: dict[str, tuple[int, int, int]] = {
    "red": (204, 32, 38),
    "orange": (240, 130, 30),
    "yellow": (247, 215, 50),
    "green": (60, 150, 60),
    "teal": (0, 150, 150),
    "blue": (45, 95, 195),
    "purple": (120, 60, 160),
    "pink": (240, 145, 185),
    "brown": (120, 75, 45),
    "black": (18, 18, 18),
    "gray": (128, 128, 128),
    "white": (245, 245, 245),
}
"""Colour facet: name to the sRGB a filter of that name asks for."""

SHADES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "red": ((255, 0, 0), (139, 0, 0)),
    "yellow": ((255, 255, 0),),
    "green": ((0, 255, 0), (0, 90, 0), (150, 200, 80)),
    "teal": ((0, 255, 255),),
    "blue": ((0, 0, 255), (0, 0, 128), (120, 190, 235)),
    "purple": ((255, 0, 255),),
    "brown": ((160, 110, 65),),
    "gray": ((80, 80, 80), (185, 185, 185)),
}
"""Other colours people give the same name, too far from its first one for one tolerance: drawings are full of
pure red and pure blue."""

FACET_TOLERANCE = 25.0
"""Lab distance within which a swatch counts for a shade of a name; the default tolerance of a filter."""

SHARE_FLOOR = 0.05
"""Smallest part of the picture a swatch must cover to count as one of its colours."""

_RGB_TO_XYZ = [  # sRGB (linear) to XYZ, IEC 61966-2-1
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
]
_D65 = [0.95047, 1.0, 1.08883]
_TO_XYZ = (np.array(_RGB_TO_XYZ) / np.array(_D65)[:, None]).T.astype(np.float32)


def lab_of(rgb: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Convert sRGB to CIE Lab (D65).

    Args:
        rgb: (..., 3), 0 to 255.

    Returns:
        (..., 3) float32: L 0 to 100, a and b about -128 to 127.
    """
    share = np.asarray(rgb, np.float32) / np.float32(255)  # float64 takes three times as long, gains 1e-4
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    lightness = 116 * f[..., 1] - 16
    lab: npt.NDArray[np.float32] = np.stack(
        [lightness, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1
    )
    return lab


def named_color_bits(rgb: npt.NDArray[np.uint8], share: npt.NDArray[np.floating]) -> npt.NDArray[np.uint16]:
    """Which NAMED_COLORS the palettes (n, swatches, 3) hold in some shade, as bits, (n,)."""
    lab, counts = lab_of(rgb), share >= SHARE_FLOOR
    bits = np.zeros(len(rgb), np.uint16)
    for bit, (name, anchor) in enumerate(NAMED_COLORS.items()):
        shades = (anchor, *SHADES.get(name, ()))
        near = counts & np.any([lab_distance(lab, shade) <= FACET_TOLERANCE for shade in shades], axis=0)
        bits |= near.any(axis=1).astype(np.uint16) << np.uint16(bit)
    return bits


def lab_distance(lab: npt.NDArray[np.float32], rgb: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """CIE76 distance of Lab colours (..., 3) to one sRGB colour."""
    difference = lab - lab_of(rgb)
    distance: npt.NDArray[np.float32] = np.sqrt(np.einsum("...i,...i->...", difference, difference))
    return distance
