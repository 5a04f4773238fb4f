"""Measures of probabilities, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tusou.evaluation.calibration import auroc, calibration_error, precision_coverage


def test_auroc_counts_the_pairs_in_order_and_half_of_the_ties() -> None:
    assert auroc(np.array([3.0, 2.0]), np.array([1.0, 0.0])) == 1.0
    assert auroc(np.array([0.0]), np.array([1.0, 2.0])) == 0.0
    assert auroc(np.array([1.0, 2.0]), np.array([1.0, 3.0])) == pytest.approx((0.5 + 0 + 1 + 0) / 4)
    assert auroc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5


def test_calibration_error_is_what_was_said_minus_what_was_seen() -> None:
    said = np.array([0.05, 0.05, 0.95, 1.0])
    assert calibration_error(said, np.array([False, False, True, True])) == pytest.approx((0.1 + 0.05) / 4)
    assert calibration_error(said, np.array([True, True, False, False])) == pytest.approx((1.9 + 1.95) / 4)
    assert calibration_error(np.array([0.5, 0.5]), np.array([True, False])) == 0.0


def test_the_curve_runs_from_all_answered_to_the_most_certain() -> None:
    points = precision_coverage(np.array([0.9, 0.4]), np.array([0.4, 0.1]))
    assert points == [(0.1, 1.0, 0.5), (0.4, 0.75, pytest.approx(2 / 3)), (0.9, 0.25, 1.0)]
