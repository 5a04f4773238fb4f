"""The builder of the base bundle: analysis against a naive reference, graphs against plain numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from build_base_bundle.text_tower import CHUNKS, ORDERS, build_text_tower, pack_table

from tusou.training.cca import Head, combine, fit_heads, moments

Array = npt.NDArray[Any]


def naive_correlations(images: Array, texts: Array, image_ridge: float, text_ridge: float) -> Array:
    """Canonical correlations by inverse roots and a singular value decomposition; one text an image."""

    def inverse_root(covariance: Array, ridge: float) -> Array:
        ridge *= float(np.trace(covariance)) / len(covariance)
        values, vectors = np.linalg.eigh(covariance + ridge * np.eye(len(covariance)))
        root: Array = vectors @ np.diag(values**-0.5) @ vectors.T
        return root

    images, texts = images - images.mean(0), texts - texts.mean(0)
    n = len(images)
    whitened = inverse_root(images.T @ images / n, image_ridge) @ (images.T @ texts / n)
    whitened = whitened @ inverse_root(texts.T @ texts / n, text_ridge)
    correlations: Array = np.linalg.svd(whitened, compute_uv=False)
    return correlations


def paired(n: int, noise: float = 0.3) -> tuple[Array, Array]:
    """Two views of three hidden numbers."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(n, 3))
    views = (hidden @ rng.normal(size=(3, width)) + noise * rng.normal(size=(n, width)) for width in (8, 6))
    first, second = (view.astype(np.float32) for view in views)
    return first, second


def test_directions_are_the_canonical_ones() -> None:
    """With power 0 the projections have unit variance (ridge aside) and correlate as the reference says."""
    images, texts = paired(500)
    expected = naive_correlations(images, texts, 0.2, 0.1)[:3]
    image, text = fit_heads(moments(images, texts, np.arange(500)), 3, 0.2, 0.1, power=0.0)
    projected = images @ image.matrix + image.bias, texts @ text.matrix + text.bias
    cross = projected[0].T @ projected[1] / 500
    np.testing.assert_allclose(np.diag(cross), expected, rtol=1e-3)
    np.testing.assert_allclose(cross - np.diag(np.diag(cross)), 0, atol=1e-3)


def found(image: Head, text: Head, images: Array, texts: Array) -> float:
    scores = text.apply(texts) @ image.apply(images).T
    return float((scores.argmax(axis=1) == np.arange(len(images))).mean())


def test_heads_find_pairs_they_never_saw_and_shuffled_pairs_teach_nothing() -> None:
    images, texts = paired(600, noise=0.1)
    seen, new = slice(500), slice(500, None)
    good = fit_heads(moments(images[seen], texts[seen], np.arange(500)), 3, 0.01, 0.01)
    shuffled = np.random.default_rng(1).permutation(500)
    wrong = fit_heads(moments(images[seen], texts[seen], shuffled), 3, 0.01, 0.01)
    assert found(*good, images[new], texts[new]) > 0.5
    assert found(*wrong, images[new], texts[new]) < 0.1


def test_each_image_counts_once_however_many_texts_it_has() -> None:
    images = np.array([[0.0], [2.0]], dtype=np.float32)
    texts = np.array([[0.0], [3.0], [3.0], [3.0]], dtype=np.float32)
    measured = moments(images, texts, np.array([0, 1, 1, 1]))
    assert measured.text_mean == pytest.approx(1.5)
    assert measured.text[0, 0] == pytest.approx(2.25)
    assert measured.cross[0, 0] == pytest.approx(1.5)


def test_a_difference_between_kinds_is_variance_and_not_covariance() -> None:
    """Drawings with keywords beside photos with sentences must not teach "keyword means drawing"."""
    images, texts = paired(100)
    kind = moments(images, texts, np.arange(100))
    shifted = moments(images + 10, texts - 10, np.arange(100))
    mixed = combine([kind, shifted], [1, 1])
    np.testing.assert_allclose(mixed.cross, kind.cross, rtol=1e-2, atol=1e-3)
    assert (np.diag(mixed.image) > np.diag(kind.image) + 20).all()


def test_packing_the_table_loses_nothing() -> None:
    rng = np.random.default_rng(0)
    table = rng.integers(20, 36, (40, 512)).astype(np.uint8)
    table[7] = rng.integers(0, 64, 512)
    table[:, 3] = 63
    packed = pack_table(table)

    def halves(part: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return np.concatenate([part & 15, part >> 4], axis=1)

    again = packed.lowest + halves(packed.low) + 16 * halves(packed.high)[packed.high_row]
    np.testing.assert_array_equal(again, table)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Array]]:
    """Random weights of the shapes the package has, with 34 words."""
    rng = np.random.default_rng(0)
    shapes = {"cnn_W": (1280, 512), "cnn_b": (512,), "d0": (512, 320), "d1": (320, 320), "d2": (320, 512)}
    shapes |= {"d3": (512, 512), "p1": (512, 320), "p3": (320, 512), "ln_g": (1280,), "ln_b": (1280,)}
    for order, _ in ORDERS:
        shapes |= {f"proj{order}": (512, 256), f"proj_b{order}": (256,)}
        shapes |= {f"ln_g{order}": (256,), f"ln_b{order}": (256,)}
        shapes |= {
            f"{kind}{layer}_{order}": size
            for layer in (1, 2)
            for kind, size in (("w", (order * 256, 256)), ("b", (256,)))
        }
    made = {
        name: (rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float16).astype(np.float32)
        for name, shape in shapes.items()
    }
    made |= {f"q{i + 1}": rng.integers(0, 64, (2, 512)).astype(np.uint8) for i in range(CHUNKS)}
    made |= {"scale": rng.uniform(0.1, 0.3, CHUNKS).astype(np.float32), "eps": np.array(1e-12)}
    made["lo"] = rng.uniform(-6, -4, CHUNKS).astype(np.float32)
    path = tmp_path_factory.mktemp("weights") / "weights.npz"
    np.savez(path, **made)
    return path, made


def naive_tower(w: dict[str, Array], ids: list[int]) -> Array:
    """One text, no batch, no padding: [unit sentence, unit meaning]."""

    def layer_norm(x: Array, gain: Array, bias: Array) -> Array:
        centred = x - x.mean(axis=1, keepdims=True)
        scaled: Array = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-12)
        return scaled * gain + bias

    def grams(x: Array, order: int, left: int) -> Array:
        padded = np.pad(x, ((left, order - 1 - left), (0, 0)))
        return np.stack([padded[i : i + order].ravel() for i in range(len(x))])

    def joined(name: str) -> Array:
        return np.concatenate([w[f"{name}{order}"] for order, _ in ORDERS], axis=-1)

    tokens = np.stack(
        [w[f"q{i % CHUNKS + 1}"][i // CHUNKS] * w["scale"][i % CHUNKS] + w["lo"][i % CHUNKS] for i in ids]
    )
    state = layer_norm(tokens @ joined("proj") + joined("proj_b"), joined("ln_g"), joined("ln_b"))
    parts = [tokens]
    for i, (order, left) in enumerate(ORDERS):
        x = state[:, i * 256 : (i + 1) * 256]
        for layer in (1, 2):
            x = x + np.maximum(grams(x, order, left) @ w[f"w{layer}_{order}"] + w[f"b{layer}_{order}"], 0)
        parts.append(x)
    features = layer_norm(np.concatenate(parts, axis=1), w["ln_g"], w["ln_b"])
    sentence = (features @ w["cnn_W"] + w["cnn_b"]).sum(axis=0) / np.sqrt(len(ids))
    second = np.maximum(sentence @ w["p1"] + np.maximum(sentence @ w["d0"], 0) @ w["d1"], 0)
    meaning = np.tanh(second @ w["p3"] + np.maximum(second @ w["d2"], 0) @ w["d3"])
    return np.concatenate([part / np.linalg.norm(part) for part in (sentence, meaning)])


def test_the_text_tower_computes_what_the_network_is(weights: tuple[Path, dict[str, Array]]) -> None:
    """Texts of different length in one batch; what pads the short ones must not leak into them."""
    path, arrays = weights
    texts = [[1, 2], [1, 33, 2], [1, 5, 17, 20, 33, 7, 2]]
    width = max(map(len, texts))
    ids = np.array([text + [9] * (width - len(text)) for text in texts])
    mask = np.array([[1] * len(text) + [0] * (width - len(text)) for text in texts])
    model: onnx.ModelProto = build_text_tower(path)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (rows,) = session.run(None, {"ids": ids, "mask": mask})
    np.testing.assert_allclose(rows, np.stack([naive_tower(arrays, text) for text in texts]), atol=2e-4)
