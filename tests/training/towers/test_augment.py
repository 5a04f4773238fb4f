"""Altered views: the same for the same seed, different otherwise, never far from the picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tusou.training.data.augment import move_digits, views
from tusou.types import Pixels

pytestmark = pytest.mark.train


def photos(n: int) -> list[Pixels]:
    draws = np.random.default_rng(0)
    return [draws.integers(0, 256, size=(20 + i, 24, 3), dtype=np.uint8) for i in range(n)]


def digit_bars(n: int) -> Pixels:
    digits = np.zeros((n, 28, 28), dtype=np.uint8)
    digits[:, 6:22, 12:16] = 255
    return digits


def test_views_repeat_with_the_seed_and_differ_without() -> None:
    first = views(photos(2), 3, seed=1, size=16)
    assert first.shape == (2, 3, 16, 16, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, views(photos(2), 3, seed=1, size=16))
    assert (first != views(photos(2), 3, seed=2, size=16)).mean() > 0.5
    assert (first[:, 0] != first[:, 1]).mean() > 0.5


def test_views_do_not_depend_on_batches() -> None:
    whole = views(photos(3), 2, seed=1, size=16)
    np.testing.assert_array_equal(whole[2:], views(photos(3)[2:], 2, seed=1, size=16, start=2))


def test_views_leave_torchs_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    views(photos(1), 1, seed=1, size=16)
    assert torch.rand(1) == expected


def test_views_keep_most_of_the_picture() -> None:
    left_dark = np.zeros((32, 32, 3), dtype=np.uint8)
    left_dark[:, 16:] = 200
    altered = views([left_dark], 20, seed=0, size=32)[0]
    assert {bool(view[:, :8].mean() < view[:, -8:].mean()) for view in altered} == {True, False}, "mirrored"
    assert all(0.1 < (view > 100).mean() < 0.9 for view in altered)


def test_digits_move_a_little_and_repeatably() -> None:
    digits = digit_bars(50)
    moved = move_digits(digits, seed=3)
    assert moved.shape == digits.shape
    assert moved.dtype == np.uint8
    np.testing.assert_array_equal(moved, move_digits(digits, seed=3))
    np.testing.assert_array_equal(moved[20:], move_digits(digits[20:], seed=3, start=20))
    assert (moved != move_digits(digits, seed=4)).any()
    assert len(np.unique(moved.reshape(50, -1), axis=0)) == 50
    ink = moved.sum(axis=(1, 2)) / digits.sum(axis=(1, 2))
    assert (np.abs(ink - 1) < 0.3).all()
    rows, columns = np.indices((28, 28))
    for axis in (rows, columns):
        centres = (moved * axis).sum(axis=(1, 2)) / moved.sum(axis=(1, 2))
        assert (np.abs(centres - 13.5) < 3).all()
        assert centres.std() > 0.5


def test_no_digits_are_no_digits() -> None:
    assert move_digits(digit_bars(0), seed=0).shape == (0, 28, 28)
