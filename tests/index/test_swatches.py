"""Colours: known Lab values, and sorted swatches against a look at every one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from index_builders import EmbeddedShelf, document, unit_rows, with_documents

from tusou.index import columns
from tusou.index.colors import NAMED_COLORS, SHARE_FLOOR, lab_distance, lab_of
from tusou.index.swatches import SwatchCells, _cell_lab, _cells_of
from tusou.types import Filters, Swatch

CHANNEL = st.integers(0, 255)


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((10, 20, 30), (5.95, -0.67, -8.14)),
    ],
)
def test_lab_of_known_colors(rgb: tuple[int, int, int], lab: tuple[float, float, float]) -> None:
    """Values of scikit-image's rgb2lab (D65, 2 degrees)."""
    np.testing.assert_allclose(lab_of(rgb), lab, atol=0.06)


@given(st.tuples(CHANNEL, CHANNEL, CHANNEL))
@settings(max_examples=200, deadline=None)
def test_no_color_lies_farther_from_its_cell_than_the_radius(rgb: tuple[int, int, int]) -> None:
    """What lets a filter accept or reject whole cells unseen."""
    centres, radii = _cell_lab()
    cell = int(_cells_of(np.array([rgb], np.uint8))[0])
    assert np.linalg.norm(lab_of(rgb) - centres[cell]) <= radii[cell]


@pytest.mark.parametrize("tolerance", [0.0, 3.0, 25.0, 60.0, 300.0])
def test_cells_agree_with_every_swatch(tolerance: float) -> None:
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (2000, 6, 3), np.uint8)
    share = rng.choice([0.0, 0.04, 0.05, 0.3], (2000, 6)).astype(np.float16)
    cells = SwatchCells(rgb, share)
    for color in ((204, 32, 38), (128, 128, 128), (0, 0, 0), tuple(rgb[5, 2].tolist())):
        near = (lab_distance(lab_of(rgb), color) <= tolerance) & (share >= SHARE_FLOOR)
        np.testing.assert_array_equal(cells.near(color, tolerance), near.any(axis=1))


def test_changed_and_added_palettes_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sorted swatches outlive a commit; rows behind them and rows that changed must not be missed."""
    monkeypatch.setattr(columns, "MAX_UNSORTED", 2)
    shelf = EmbeddedShelf(tmp_path / "index", unit_rows(20))
    green, red = (Swatch((20, 180, 40), 0.5),), (Swatch((180, 20, 40), 0.5),)
    reader = shelf.open()
    wanted = Filters(color=((20, 180, 40),), color_tolerance=10.0)
    expected = np.zeros(9, np.bool_)
    for row in range(9):
        with_documents(shelf, [document(row, palette=green if row % 3 else red)], row + 1)
        expected[row] = row % 3 > 0
        reader.refresh()
        mask = reader.mask(wanted)
        assert mask is not None
        np.testing.assert_array_equal(mask, expected[: row + 1])
    with_documents(shelf, [document(4, palette=red), document(0, palette=green)], 30)
    reader.refresh()
    mask = reader.mask(wanted)
    assert mask is not None
    assert (mask[4], mask[0]) == (False, True)


def test_a_named_color_is_its_own_filter(tmp_path: Path) -> None:
    """The facet counts exactly what its filter finds."""
    shelf = EmbeddedShelf(tmp_path / "index", unit_rows(60))
    rng = np.random.default_rng(3)
    palettes = [
        tuple(Swatch(tuple(c), 0.3) for c in rng.integers(0, 256, (3, 3)).tolist()) for _ in range(60)
    ]
    with_documents(shelf, [document(row, palette=palette) for row, palette in enumerate(palettes)])
    index = shelf.open()
    counts = dict(index.facets(None, ["color"])["color"])
    for name, rgb in NAMED_COLORS.items():
        mask = index.mask(Filters(color=(rgb,)))
        assert mask is not None
        assert np.count_nonzero(mask) == counts.get(name, 0)
