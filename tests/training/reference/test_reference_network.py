"""The reference network against paper, differences and its own symmetries."""

from __future__ import annotations

from dataclasses import replace
from math import atanh, exp, log

import numpy as np
import pytest
from make_reference_golden import Case, small_cases

from tusou.errors import TrainingError
from tusou.training.reference.adam import Adam
from tusou.training.reference.network import ReferenceNetwork
from tusou.training.reference.rank_cost import loss_floor, rank_cost, rank_cost_gradient
from tusou.training.reference.types import Array, Batch, Parameters

CASES = {case.name: case for case in small_cases()}


@pytest.fixture
def case() -> Case:
    return CASES["scale5-shared-plain"]


def differences(case: Case, name: str, step: float = 1e-6) -> Array:
    """Central differences of the loss in every entry of one parameter, in extended precision."""
    exact = case.cast(np.longdouble)
    found = np.empty_like(exact.parameters[name])
    for i in np.ndindex(found.shape):
        losses = []
        for sign in (1, -1):
            moved = exact.parameters[name].copy()
            moved[i] += sign * step
            losses.append(exact.network.forward(exact.parameters | {name: moved}, exact.batch).cost.sum())
        found[i] = (losses[0] - losses[1]) / (2 * step)
    return found


@pytest.mark.parametrize("name", CASES)
def test_every_gradient_agrees_with_differences(name: str) -> None:
    case = CASES[name]
    _, gradients = case.network.gradients(case.parameters, case.batch)
    assert gradients.keys() == case.parameters.keys()
    for parameter, gradient in gradients.items():
        assert abs(gradient).max() > 1e-2, "a gradient of nothing proves nothing"
        np.testing.assert_allclose(gradient, differences(case, parameter).astype(float), rtol=0, atol=1e-8)


def unit_case() -> tuple[Parameters, Batch]:
    """Features of one number; q = (.6, .8), p = (.8, .6), n = (.6, -.8), all of length 1."""
    parameters = {
        "query_weight": np.array([[atanh(0.6), atanh(0.8)]]),
        "image_weight": np.array([[0.0, atanh(0.6)]]),
        "query_bias": np.zeros(2),
        "positive_bias": np.array([atanh(0.8), 0.0]),
        "negative_bias": np.array([atanh(0.6), -atanh(0.8) - atanh(0.6)]),
    }
    one = np.ones((1, 1))
    return parameters, Batch(one, one, one, np.ones(1))


def test_case_worked_by_hand() -> None:
    """cos(q, p) = .96, cos(q, n) = -.28, so o = 1.24, and do/dq = p - n - 1.24 q = (-.544, .408)."""
    parameters, batch = unit_case()
    loss, gradients = ReferenceNetwork(1.0, shared_bias=False).gradients(parameters, batch)
    upstream = -1 / (1 + exp(1.24))
    assert loss == pytest.approx(log(1 + exp(-1.24)), abs=1e-15)
    through_tanh = upstream * np.array([-0.544 * 0.64, 0.408 * 0.36])
    np.testing.assert_allclose(gradients["query_bias"], through_tanh, atol=1e-15)
    np.testing.assert_allclose(gradients["query_weight"], through_tanh[None], atol=1e-15)


def test_scale_multiplies_the_margin() -> None:
    parameters, batch = unit_case()
    seen = ReferenceNetwork(5.0, shared_bias=False).forward(parameters, batch)
    assert seen.margin == pytest.approx([6.2], abs=1e-14)


@pytest.mark.parametrize(("scale", "floor"), [(1.0, 0.126928), (5.0, 4.5398e-5)])
def test_loss_cannot_fall_below_the_floor(scale: float, floor: float) -> None:
    """The query points at one image and away from the other: nothing is left to gain."""
    parameters: Parameters = {
        "query_weight": np.eye(3),
        "image_weight": np.eye(3),
        "query_bias": np.zeros(3),
        "image_bias": np.zeros(3),
    }
    x = np.array([[0.3, -2.0, 1.0]])
    loss, gradients = ReferenceNetwork(scale).gradients(parameters, Batch(x, x, -x, np.ones(1)))
    assert loss_floor(scale) == pytest.approx(floor, rel=1e-4)
    assert loss == pytest.approx(loss_floor(scale), rel=1e-12)
    assert max(abs(each).max() for each in gradients.values()) < 1e-15


def swapped(batch: Batch, target: Array) -> Batch:
    return replace(batch, positive=batch.negative, negative=batch.positive, target=target)


def test_sides_may_be_swapped_when_the_target_is(case: Case) -> None:
    loss, gradients = case.network.gradients(case.parameters, case.batch)
    other_loss, other = case.network.gradients(case.parameters, swapped(case.batch, 1 - case.batch.target))
    assert other_loss == pytest.approx(loss, abs=1e-13)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(other[name], gradient, rtol=0, atol=1e-13)


def test_equal_grades_pull_scores_together_from_either_side(case: Case) -> None:
    half = replace(case.batch, target=np.full(len(case.batch), 0.5))
    margins = case.network.forward(case.parameters, half).margin
    np.testing.assert_allclose(
        rank_cost(margins, half.target), rank_cost(-margins, half.target), rtol=0, atol=1e-14
    )
    assert (np.sign(rank_cost_gradient(margins, half.target)) == np.sign(margins)).all()
    assert rank_cost(np.zeros(1), np.full(1, 0.5)) == pytest.approx(log(2))


def test_a_wrong_target_is_not_symmetric(case: Case) -> None:
    """Control of the two tests above: swapping the sides alone changes the loss."""
    loss = case.network.forward(case.parameters, case.batch).loss
    other = case.network.forward(case.parameters, swapped(case.batch, case.batch.target)).loss
    assert abs(other - loss) > 0.1


def test_bound_is_that_of_the_old_layer() -> None:
    """Value flat, gradient that of the bounded margin; beyond 40 only the unbounded form grows."""
    margin, target = np.array([50.0, -50.0]), np.array([0.0, 1.0])
    np.testing.assert_allclose(rank_cost(margin, target), [40.0, 40.0])
    np.testing.assert_allclose(rank_cost(margin, target, clip=None), [50.0, 50.0])
    np.testing.assert_allclose(rank_cost_gradient(margin, target), [1.0, -1.0])
    assert rank_cost_gradient(-margin, target)[0] == pytest.approx(exp(-40), rel=1e-6)
    assert rank_cost_gradient(-margin, target, clip=None)[0] == pytest.approx(exp(-50), rel=1e-6)


def test_large_margins_do_not_overflow() -> None:
    margin, target = np.array([1e4, -1e4], np.float32), np.zeros(2, np.float32)
    np.testing.assert_array_equal(rank_cost(margin, target, clip=None), np.array([1e4, 0], np.float32))
    np.testing.assert_array_equal(rank_cost_gradient(margin, target, clip=None), [1, 0])


def test_shared_bias_receives_what_two_would(case: Case) -> None:
    shared_loss, shared = case.network.gradients(case.parameters, case.batch)
    bias = case.parameters["image_bias"]
    apart = {key: each for key, each in case.parameters.items() if key != "image_bias"}
    apart |= {"positive_bias": bias, "negative_bias": bias}
    loss, separate = replace(case.network, shared_bias=False).gradients(apart, case.batch)
    assert loss == shared_loss
    np.testing.assert_allclose(separate["positive_bias"] + separate["negative_bias"], shared["image_bias"])
    after = Adam().step(apart, separate)
    assert abs(after["positive_bias"] - after["negative_bias"]).max() > 1e-3, "separate biases part at once"


def rows(batch: Batch, chosen: list[int]) -> Batch:
    return batch.each(lambda array: array[chosen])


def test_batch_is_the_sum_of_its_rows_in_any_order() -> None:
    case = CASES["scale1-separate-weighted"]
    loss, gradients = case.network.gradients(case.parameters, case.batch)
    singles = [case.network.gradients(case.parameters, rows(case.batch, [i])) for i in (3, 0, 5, 1, 4, 2)]
    assert sum(single for single, _ in singles) == pytest.approx(loss, abs=1e-13)
    for name, gradient in gradients.items():
        total = np.sum([single[name] for _, single in singles], axis=0)
        np.testing.assert_allclose(total, gradient, rtol=0, atol=1e-13)


def test_weight_counts_rows(case: Case) -> None:
    twice = rows(case.batch, [0, 0, 1])
    weighted = replace(rows(case.batch, [0, 1, 2]), weight=np.array([2.0, 1.0, 0.0]))
    loss, gradients = case.network.gradients(case.parameters, twice)
    other_loss, other = case.network.gradients(case.parameters, weighted)
    assert other_loss == pytest.approx(loss, abs=1e-13)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(other[name], gradient, rtol=0, atol=1e-13)


def test_weights_start_as_they_did() -> None:
    drawn = ReferenceNetwork(shared_bias=False).initial(1)
    assert drawn["query_weight"].shape == (100, 512)
    assert drawn["image_weight"].shape == (1000, 512)
    assert drawn["query_weight"].std() == pytest.approx(0.1, rel=0.02)
    assert drawn["image_weight"].std() == pytest.approx(0.0316, rel=0.02)
    assert abs(drawn["image_weight"]).max() > 4 * 0.0316, "the normal is not truncated"
    assert all(not drawn[name].any() for name in ("query_bias", "positive_bias", "negative_bias"))
    again = ReferenceNetwork(shared_bias=False).initial(1, dtype=np.float32)
    np.testing.assert_array_equal(again["image_weight"], drawn["image_weight"].astype(np.float32))


def test_first_loss_is_about_ln_2_per_row() -> None:
    network = ReferenceNetwork()
    random = np.random.default_rng(0)
    query, positive, negative = (random.standard_normal((50, width)) for width in (100, 1000, 1000))
    loss = network.forward(network.initial(0), Batch(query, positive, negative, np.ones(50))).loss
    assert loss / 50 == pytest.approx(log(2), abs=0.02)


def test_zero_vector_is_named() -> None:
    network = ReferenceNetwork()
    parameters = network.initial(0, query_width=2, image_width=3, width=4)
    images = np.ones((3, 3))
    query = np.array([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]])
    with pytest.raises(TrainingError, match=r"row 1 of the left side.*2 of 3 rows") as caught:
        network.gradients(parameters, Batch(query, images, images, np.ones(3)))
    assert caught.value.reason == "zero_vector"


@pytest.mark.parametrize(
    ("name", "value"), [("query", np.ones((6, 4))), ("negative", np.ones((5, 9))), ("weight", np.ones(1))]
)
def test_shapes_are_checked(case: Case, name: str, value: Array) -> None:
    with pytest.raises(TrainingError, match=f"^{name}: expected") as caught:
        case.network.forward(case.parameters, replace(case.batch, **{name: value}))
    assert caught.value.reason == "bad_shape"


def order_accuracy(network: ReferenceNetwork, *, shuffled: bool) -> float:
    """Share of unseen triples ordered rightly after 150 steps; shuffled pairs teach nothing."""
    random = np.random.default_rng(5)
    to_query, to_image = random.standard_normal((6, 10)), random.standard_normal((6, 20))

    def triples(count: int, *, shuffled: bool) -> Batch:
        meant, other = random.standard_normal((2, count, 6))
        asked = random.permutation(meant) if shuffled else meant
        return Batch(asked @ to_query, meant @ to_image, other @ to_image, np.ones(count))

    parameters, optimizer = network.initial(1, query_width=10, image_width=20, width=16), Adam(1e-2)
    for _ in range(150):
        parameters = optimizer.step(
            parameters, network.gradients(parameters, triples(100, shuffled=shuffled))[1]
        )
    return float((network.forward(parameters, triples(500, shuffled=False)).margin > 0).mean())


@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_it_learns_and_its_shuffled_control_does_not(scale: float) -> None:
    assert order_accuracy(ReferenceNetwork(scale), shuffled=False) > 0.9
    assert order_accuracy(ReferenceNetwork(scale), shuffled=True) == pytest.approx(0.5, abs=0.15)
