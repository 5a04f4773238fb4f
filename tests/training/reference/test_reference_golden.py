"""The numpy reference gives the committed golden values, in both precisions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from make_reference_golden import (
    TOLERANCE,
    Case,
    full_cases,
    load_full,
    load_small,
    small_cases,
    summary,
    train,
)

from tusou.training.reference.adam import Adam

PRECISIONS = [(np.float64, TOLERANCE), (np.float32, 1e-5)]
SMALL = load_small()


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("case", small_cases(), ids=lambda case: case.name)
def test_loss_and_gradients(case: Case, dtype: npt.DTypeLike, tolerance: float) -> None:
    cast = case.cast(dtype)
    loss, gradients = cast.network.gradients(cast.parameters, cast.batch)
    assert loss == pytest.approx(SMALL[f"{case.name}/loss"], rel=0, abs=tolerance)
    for name, gradient in gradients.items():
        assert gradient.dtype == dtype
        np.testing.assert_allclose(gradient, SMALL[f"{case.name}/gradient/{name}"], rtol=0, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("form", ["v1", "corrected"])
@pytest.mark.parametrize("case", small_cases(), ids=lambda case: case.name)
def test_twenty_steps(case: Case, form: str, dtype: npt.DTypeLike, tolerance: float) -> None:
    moved = train(case.cast(dtype), Adam(corrected=form == "corrected"))
    for name, value in moved.items():
        np.testing.assert_allclose(value, SMALL[f"{case.name}/{form}/{name}"], rtol=0, atol=tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISIONS)
@pytest.mark.parametrize("case", full_cases(), ids=lambda case: case.name)
def test_listing_sizes(case: Case, dtype: npt.DTypeLike, tolerance: float) -> None:
    expected = load_full()[case.name]
    cast = case.cast(dtype)
    loss, gradients = cast.network.gradients(cast.parameters, cast.batch)
    assert loss == pytest.approx(expected["loss"], rel=tolerance)
    assert gradients.keys() == expected.keys() - {"loss"}
    for name, gradient in gradients.items():
        assert summary(name, gradient) == pytest.approx(expected[name], rel=tolerance, abs=tolerance)


def test_nothing_else_is_stored() -> None:
    """Every stored value is checked above: 8 cases, each with its loss and three groups of arrays."""
    groups = {name.split("/")[1] for name in SMALL}
    assert groups == {"loss", "gradient", "v1", "corrected"}
    assert len({name.split("/")[0] for name in SMALL}) == len(small_cases()) == 8


def test_golden_values_tell_the_forms_apart() -> None:
    """Control: another scale, or another form of Adam at these gradients, is not within the tolerance."""
    name = "query_weight"
    one, five = (SMALL[f"scale{scale}-shared-plain/gradient/{name}"] for scale in (1, 5))
    assert abs(one - five).max() > 1e-2
    v1, corrected = (SMALL[f"scale1-shared-plain/{form}/{name}"] for form in ("v1", "corrected"))
    assert abs(v1 - corrected).max() > 10 * TOLERANCE
