"""Closed-form heads: worked cases, numpy's own canonical directions, several kinds of pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tusou.errors import ConfigError
from tusou.training.cca import Moments, combine, fit_heads, moments

pytestmark = pytest.mark.train

Array = npt.NDArray[np.float32]


def paired(count: int = 400, noise: float = 0.3) -> tuple[Array, Array]:
    """Images of 6 and texts of 5 features that share 3 hidden causes."""
    rng = np.random.default_rng(0)
    causes = rng.normal(size=(count, 3))
    images = causes @ rng.normal(size=(3, 6)) + noise * rng.normal(size=(count, 6)) + 2
    texts = causes @ rng.normal(size=(3, 5)) + noise * rng.normal(size=(count, 5)) - 1
    return images.astype(np.float32), texts.astype(np.float32)


def own_text(count: int) -> npt.NDArray[np.int64]:
    return np.arange(count)


def success(images: Array, texts: Array) -> float:
    """Share of texts whose own image is nearest."""
    return float(((texts @ images.T).argmax(1) == np.arange(len(texts))).mean())


def test_moments_by_hand() -> None:
    """Images 0 and 2, the first with texts 1 and 3, the second with 5: both images weigh the same."""
    images = np.array([[0.0], [2.0]], np.float32)
    texts = np.array([[1.0], [3.0], [5.0]], np.float32)
    found = moments(images, texts, np.array([0, 0, 1]))
    assert found.image_mean == pytest.approx([1])
    assert found.text_mean == pytest.approx([(1 + 3) / 4 + 5 / 2])
    assert found.image.item() == pytest.approx(1)
    assert found.text.item() == pytest.approx(2.5**2 / 4 + 0.5**2 / 4 + 1.5**2 / 2)
    assert found.cross.item() == pytest.approx((-1 * -1.5 + 1 * 1.5) / 2)


def test_moments_are_numpys_covariances() -> None:
    images, texts = paired()
    found = moments(images, texts, own_text(len(texts)))
    expected = np.cov(np.hstack([images, texts]).T, bias=True)
    np.testing.assert_allclose(found.image, expected[:6, :6], atol=1e-4)
    np.testing.assert_allclose(found.text, expected[6:, 6:], atol=1e-4)
    np.testing.assert_allclose(found.cross, expected[:6, 6:], atol=1e-4)


def test_order_of_texts_does_not_matter() -> None:
    images, texts = paired(50)
    twice, owner = (
        np.concatenate([texts, texts[::-1] + 1]),
        np.concatenate([np.arange(50), np.arange(50)[::-1]]),
    )
    order = np.random.default_rng(1).permutation(100)
    one, other = moments(images, twice, owner), moments(images, twice[order], owner[order])
    for name in vars(one):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-5)


def test_directions_are_the_canonical_ones() -> None:
    """Correlation along each direction, by numpy alone: singular values of the whitened covariance."""
    images, texts = paired()
    data = moments(images, texts, own_text(len(texts)))
    image, text = fit_heads(data, 3, 1e-6, 1e-6, power=0)
    whiten = [np.linalg.inv(np.linalg.cholesky(each.astype(np.float64))) for each in (data.image, data.text)]
    expected = np.linalg.svd(whiten[0] @ data.cross @ whiten[1].T)[1][:3]
    rows = images @ image.matrix + image.bias, texts @ text.matrix + text.bias
    found = [np.corrcoef(rows[0][:, i], rows[1][:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert found == sorted(found, reverse=True)
    for each in rows:  # uncorrelated, variance 1, mean 0
        np.testing.assert_allclose(np.cov(each.T, bias=True), np.eye(3), atol=1e-2)
        np.testing.assert_allclose(each.mean(0), 0, atol=1e-3)


def test_power_weighs_directions_by_their_correlation() -> None:
    images, texts = paired()
    data = moments(images, texts, own_text(len(texts)))
    plain, weighted = fit_heads(data, 3, 0.1, 0.1, power=0), fit_heads(data, 3, 0.1, 0.1, power=2)
    weights = np.linalg.norm(weighted[0].matrix, axis=0) / np.linalg.norm(plain[0].matrix, axis=0)
    roots = np.sqrt(weights)
    assert (roots <= 1.0001).all()
    half = fit_heads(data, 3, 0.1, 0.1, power=1)[1]
    np.testing.assert_allclose(
        np.linalg.norm(half.matrix, axis=0), roots * np.linalg.norm(plain[1].matrix, axis=0), rtol=1e-4
    )


def test_heads_find_the_pairs_and_shuffled_pairs_teach_nothing() -> None:
    images, texts = paired()
    train, held = slice(0, 300), slice(300, 400)
    owners = own_text(300)
    image, text = fit_heads(moments(images[train], texts[train], owners), 3, 0.01, 0.01)
    found = image.apply(images[held]), text.apply(texts[held])
    np.testing.assert_allclose(np.linalg.norm(found[0], axis=1), 1, atol=1e-5)
    shuffled = np.random.default_rng(2).permutation(owners)
    image, text = fit_heads(moments(images[train], texts[train], shuffled), 3, 0.01, 0.01)
    control = success(image.apply(images[held]), text.apply(texts[held]))
    assert success(*found) > 0.3
    assert control < 0.1


def test_shrinkage_keeps_features_without_variance_harmless() -> None:
    images, texts = paired(50)
    images = np.hstack([images, np.ones((50, 2), np.float32)])
    for head in fit_heads(moments(images, texts, own_text(50)), 3, 0.1, 0.1):
        assert np.isfinite(head.matrix).all()
        assert np.isfinite(head.bias).all()


def test_more_directions_than_there_are_are_refused() -> None:
    data = moments(*paired(50), own_text(50))
    assert fit_heads(data, 5, 0.1, 0.1)[0].matrix.shape == (6, 5)
    with pytest.raises(ConfigError, match=r"scorer.dim = 6: .*5 directions at most"):
        fit_heads(data, 6, 0.1, 0.1)


def shifted(data: Moments, by: float) -> Moments:
    return Moments(data.image_mean + by, data.text_mean + by, data.image, data.text, data.cross)


def test_a_kind_of_its_own_adds_variance_and_no_covariance() -> None:
    images, texts = paired()
    data = moments(images, texts, own_text(len(texts)))
    mixed = combine([data, shifted(data, 4)], [1, 1])
    np.testing.assert_allclose(mixed.cross, data.cross, rtol=1e-5)
    np.testing.assert_allclose(mixed.image, data.image + 4, rtol=1e-5)  # half the distance, squared
    np.testing.assert_allclose(mixed.text_mean, data.text_mean + 2, rtol=1e-5)


def test_shares_weigh_kinds() -> None:
    images, texts = paired()
    data = moments(images, texts, own_text(len(texts)))
    alone = combine([data, shifted(data, 4)], [3, 0])
    np.testing.assert_allclose(alone.image, data.image, rtol=1e-6)
    quarter = combine([data, shifted(data, 4)], [3, 1])
    np.testing.assert_allclose(quarter.image_mean, data.image_mean + 1, rtol=1e-5)
    np.testing.assert_allclose(quarter.image, data.image + 3, rtol=1e-5)  # 3/4 of 1² and 1/4 of 3²
