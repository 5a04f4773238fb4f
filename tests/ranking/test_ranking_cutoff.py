"""Bank, calibrated probability, cut-off and their files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tusou.errors import RankerError
from tusou.models.bundle import load_bundle
from tusou.ranking.bank import ImageBank, measure_bank
from tusou.ranking.cutoff import CHOSEN, Cutoff
from tusou.ranking.cutoff_files import BANK, MANIFEST, find_cutoff, library_folder, load_cutoff, save_cutoff
from tusou.ranking.features import FEATURE_NAMES, FeatureTable
from tusou.ranking.learn.cutoff import CutoffQuery, cross_validate_cutoff, fit_cutoff, measure_cutoff

DIM = 8


def embeddings(count: int = 300, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(count, DIM)) + 0.5
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def bank() -> ImageBank:
    return measure_bank([embeddings()[:100], embeddings()[100:]])


def test_mean_and_covariance_say_what_every_cosine_would(bank: ImageBank) -> None:
    query = embeddings(1, seed=1)[0]
    cosines = embeddings() @ query
    expected = (cosines - cosines.mean()) / cosines.std()
    assert bank.standardize(query, cosines) == pytest.approx(expected, abs=1e-4)


def test_a_bank_that_tells_nothing_gives_nothing() -> None:
    flat = measure_bank([np.tile(embeddings(1), (100, 1))])
    assert np.isnan(flat.standardize(embeddings(1)[0], np.array([0.5], np.float32))).all()


def test_a_small_bank_is_refused() -> None:
    with pytest.raises(RankerError, match="at least 100 embedded images, there are 99"):
        measure_bank([embeddings(99)])


def judged(count: int = 60, each: int = 80, seed: int = 0) -> list[CutoffQuery]:
    """Relevance follows a known curve of both inputs: what is fitted can be compared with it."""
    rng = np.random.default_rng(seed)
    found = []
    for n in range(count):
        inputs = np.column_stack(
            [rng.normal(0, 1.5, each), rng.choice([0.0, 0.5, 1.0], each, p=[0.8, 0.1, 0.1])]
        )
        relevant = rng.random(each) < truth(inputs)
        found.append(CutoffQuery(f"q{n}", inputs, relevant, inputs[~relevant]))
    return found


def truth(inputs: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(5 - 1.2 * inputs[:, 0] - 3 * inputs[:, 1])))


def test_the_fitted_probability_is_the_true_one(bank: ImageBank) -> None:
    cutoff = fit_cutoff(judged(200), bank)
    inputs = judged(1, 1000, seed=7)[0].inputs
    assert np.abs(cutoff.probability(inputs) - truth(inputs)).mean() < 0.02
    assert cutoff.weights[1] / cutoff.weights[0] == pytest.approx(3 / 1.2, rel=0.2)
    assert (np.diff(cutoff.probabilities) >= 0).all()


def test_few_answerable_queries_are_refused(bank: ImageBank) -> None:
    queries = judged(200)
    cutoff = fit_cutoff(queries, bank)
    own = measure_cutoff(cutoff, queries)
    assert own.refused <= 0.05
    held_out = cross_validate_cutoff(queries, bank)
    assert held_out.refused <= 0.10
    assert held_out.auroc > 0.6
    assert held_out.calibration_error < 0.02
    assert held_out.queries == 200
    assert held_out.curve[0][1] == 1.0


def test_more_evidence_never_lowers_the_probability(bank: ImageBank) -> None:
    queries = judged(60)
    turned = [
        CutoffQuery(q.query_id, q.inputs * [1, -1], q.relevant, q.inputs_without * [1, -1]) for q in queries
    ]
    assert fit_cutoff(turned, bank).weights[1] == 0.0


def test_too_few_judged_queries_are_refused(bank: ImageBank) -> None:
    with pytest.raises(RankerError, match="needs at least 20: judge more"):
        fit_cutoff(judged(10), bank)
    nothing = [CutoffQuery("q", np.zeros((3, 2)), np.zeros(3, bool), np.zeros((3, 2)))] * 40
    with pytest.raises(RankerError, match="0 judged queries have a relevant candidate"):
        measure_cutoff(fit_cutoff(judged(60), bank), nothing)


def table(**columns: list[float]) -> FeatureTable:
    values = np.full((len(next(iter(columns.values()))), len(FEATURE_NAMES)), np.nan, np.float32)
    for name, column in columns.items():
        values[:, FEATURE_NAMES.index(name)] = column
    return FeatureTable(values)


def a_cutoff(bank: ImageBank, threshold: float = 0.5) -> Cutoff:
    return Cutoff(bank, np.array([1.0, 2.0]), np.array([0.0, 4.0]), np.array([0.0, 1.0]), threshold)


def test_the_relevant_set_is_what_is_likely_or_what_people_chose(bank: ImageBank) -> None:
    cutoff = a_cutoff(bank)
    features = table(dense_bank_z=[2, 0, -9, 0], coverage=[1, 0.5, 0, 0], click_lift=[0, 0, 0, CHOSEN])
    probabilities = cutoff.of_candidates(features)
    assert probabilities is not None
    assert probabilities.tolist() == [1.0, 0.25, 0.0, 0.0]
    assert cutoff.relevant(features, probabilities).tolist() == [True, False, False, True]


def test_the_probability_is_unknown_with_a_picture_or_without_words(bank: ImageBank) -> None:
    known = table(dense_bank_z=[1.0], coverage=[1.0])
    assert a_cutoff(bank).of_candidates(FeatureTable(known.values, image_weight=0.5)) is None
    assert a_cutoff(bank).of_candidates(table(coverage=[1.0])) is None


def test_a_cutoff_comes_back_from_its_files(tmp_path: Path, bank: ImageBank) -> None:
    fitted = fit_cutoff(judged(), bank)
    folder = library_folder(tmp_path, "tiny-1")
    save_cutoff(folder, fitted, "tiny-1", {"seed": 0})
    assert find_cutoff(tmp_path, "tiny-1") == folder
    read = load_cutoff(folder, "tiny-1", DIM)
    inputs = judged(1)[0].inputs
    assert (read.probability(inputs) == fitted.probability(inputs)).all()
    assert read.threshold == fitted.threshold
    assert (read.bank.covariance == bank.covariance).all()


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda made: made | {"threshold": 2.0}, "cutoff_damaged"),
        (lambda made: made | {"knots": made["knots"][::-1]}, "cutoff_damaged"),
        (lambda made: made | {"weights": {"coverage": 1.0}}, "cutoff_damaged"),
        (lambda made: made | {"model_id": "other-1"}, "cutoff_mismatch"),
        (lambda made: made | {"features": made["features"] | {"coverage": 1}}, "cutoff_mismatch"),
    ],
)
def test_an_edited_file_is_refused(tmp_path: Path, bank: ImageBank, edit: object, reason: str) -> None:
    save_cutoff(tmp_path, a_cutoff(bank), "tiny-1", {})
    path = tmp_path / MANIFEST
    path.write_text(json.dumps(edit(json.loads(path.read_text("utf-8")))), "utf-8")  # type: ignore[operator]
    with pytest.raises(RankerError) as refused:
        load_cutoff(tmp_path, "tiny-1", DIM)
    assert refused.value.reason == reason
    assert "tusou train cutoff" in str(refused.value)


def test_another_bank_is_refused(tmp_path: Path, bank: ImageBank) -> None:
    save_cutoff(tmp_path, a_cutoff(bank), "tiny-1", {})
    (tmp_path / BANK).write_bytes(b"something else")
    with pytest.raises(RankerError, match="not the file that was fitted"):
        load_cutoff(tmp_path, "tiny-1", DIM)


def test_the_bundle_that_comes_with_tusou_has_a_cutoff(tmp_path: Path) -> None:
    bundle = load_bundle("base")
    folder = find_cutoff(tmp_path, bundle.model_id)
    assert folder is not None
    assert 0 < load_cutoff(folder, bundle.model_id, bundle.dim).threshold < 0.5
