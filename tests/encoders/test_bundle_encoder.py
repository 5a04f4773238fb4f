"""Towers run as the manifest says, whatever the batch."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest

import tusou.encoders.bundle_encoder as module
from bundle_builder import DIM, SIZE, build_bundle
from fakes import solid, striped
from tusou.encoders.base import Encoder, ScoringEncoder
from tusou.encoders.bundle_encoder import BundleEncoder, open_encoder
from tusou.errors import BundleError, EncoderError

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def encoder(folder: Path) -> BundleEncoder:
    return open_encoder(folder)


def test_it_is_an_encoder(encoder: BundleEncoder) -> None:
    as_protocol: Encoder = encoder
    assert as_protocol.dim == DIM
    assert as_protocol.model_id.startswith("tiny-1-")


def test_pictures_become_their_mean_colour(encoder: BundleEncoder) -> None:
    embeddings = encoder.encode_images([solid(RED), striped({RED: 32, BLUE: 32})])
    np.testing.assert_allclose(embeddings, np.array([[1, 0, 0], [0.5**0.5, 0, 0.5**0.5]]), atol=1e-3)


def test_words_find_their_colour(encoder: BundleEncoder) -> None:
    words = encoder.encode_texts(["red", "a green tree", "BLUE"])
    pictures = encoder.encode_images([solid(RED), solid(GREEN), solid(BLUE)])
    assert (words @ pictures.T).argmax(axis=1).tolist() == [0, 1, 2]


def test_a_batch_equals_single_calls(folder: Path) -> None:
    texts = ["red", "a green tree by the blue sea", "雪山", "", "red blue", "green " * 50] * 15
    texts = [f"{text} {i}" for i, text in enumerate(texts)]
    batch = open_encoder(folder).encode_texts(texts)
    single = [open_encoder(folder).encode_texts([text])[0] for text in texts[:12]]
    np.testing.assert_allclose(batch[:12], np.array(single), atol=1e-6)


def test_a_batch_of_pictures_equals_single_calls(encoder: BundleEncoder) -> None:
    pictures = [striped({RED: 1 + i, GREEN: 40 - i}) for i in range(19)]
    single = [encoder.encode_images([picture])[0] for picture in pictures]
    np.testing.assert_allclose(encoder.encode_images(pictures), np.array(single), atol=1e-6)


def test_nothing_gives_nothing(encoder: BundleEncoder) -> None:
    assert encoder.encode_texts([]).shape == (0, DIM)
    assert encoder.encode_images([]).shape == (0, DIM)


@pytest.mark.parametrize("text", ["", " ", "🙂", "\x00\x07", "红" * 10_000, "a" * 10_000])
def test_any_text_has_a_unit_embedding(encoder: BundleEncoder, text: str) -> None:
    np.testing.assert_allclose(np.linalg.norm(encoder.encode_texts([text]), axis=1), 1, atol=1e-5)


def test_only_the_tower_asked_for_is_loaded(encoder: BundleEncoder) -> None:
    encoder.encode_texts(["red"])
    assert list(encoder._sessions) == ["text.onnx"]
    assert list(open_encoder(encoder.bundle.path)._sessions) == []


def test_recent_texts_are_not_computed_again(encoder: BundleEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = encoder.encode_texts(["red", "green", "red"])
    monkeypatch.setattr(encoder, "_run", None)
    np.testing.assert_array_equal(encoder.encode_texts(["green", "red"]), first[[1, 0]])


def test_the_least_recent_text_is_forgotten(encoder: BundleEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CACHED_TEXTS", 2)
    for text in ("red", "green", "red", "blue"):
        encoder.encode_texts([text])
    assert set(encoder._recent) == {"red", "blue"}


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_arrays_are_no_pictures(encoder: BundleEncoder, picture: np.ndarray) -> None:
    with pytest.raises(EncoderError, match="picture 1: expected") as caught:
        encoder.encode_images([solid(RED), picture])
    assert caught.value.reason == "bad_pixels"


def test_a_tower_of_another_dimension_is_refused(tmp_path: Path) -> None:
    wrong = open_encoder(build_bundle(tmp_path, dim=DIM + 1))
    with pytest.raises(EncoderError, match=r"expected \(1, 4\), got \(1, 3\)"):
        wrong.encode_images([solid(RED)])


def test_a_black_picture_is_not_silently_wrong(encoder: BundleEncoder) -> None:
    """The tiny tower gives a zero vector here; the encoder must not pass it on as an embedding."""
    with pytest.raises(EncoderError, match="unit"):
        encoder.encode_images([solid((0, 0, 0))])


def test_a_file_that_is_no_tower_is_refused(tmp_path: Path) -> None:
    folder = build_bundle(tmp_path)
    bundle = open_encoder(folder).bundle
    (folder / "image.onnx").write_bytes(b"no graph")
    with pytest.raises(BundleError, match=r"image\.onnx") as caught:
        BundleEncoder(bundle).encode_images([solid(RED)])
    assert caught.value.reason == "bundle_tower"


def test_size_of_the_picture_does_not_matter(encoder: BundleEncoder) -> None:
    sizes = [(SIZE, SIZE), (512, 341), (7, 300), (3, 3)]
    embeddings = encoder.encode_images([solid((200, 100, 50), *size) for size in sizes])
    np.testing.assert_allclose(embeddings, np.tile(embeddings[:1], (4, 1)), atol=1e-6)


def renamed(folder: Path, file: str, **names: str) -> Path:
    """The bundle with graph inputs or outputs of other names, its digests mended."""
    model = onnx.load(folder / file)
    for entry in (*model.graph.input, *model.graph.output):
        entry.name = names.get(entry.name, entry.name)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    onnx.save(model, folder / file)
    return redigested(folder)


def redigested(folder: Path) -> Path:
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for name in manifest["files"]:
        content = (folder / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("file", "names", "words"),
    [
        ("image.onnx", {"pixels": "pixel_values"}, "expected inputs pixels .*found inputs pixel_values"),
        ("image.onnx", {"embedding": "image_embeds"}, "output embedding, .*outputs image_embeds"),
        ("text.onnx", {"ids": "input_ids"}, "expected inputs ids, mask .*found inputs input_ids, mask"),
        ("text.onnx", {"mask": "attention_mask"}, "found inputs ids, attention_mask"),
    ],
)
def test_other_names_in_a_graph_are_refused(
    tmp_path: Path, file: str, names: dict[str, str], words: str
) -> None:
    encoder = open_encoder(renamed(build_bundle(tmp_path), file, **names))
    with pytest.raises(BundleError, match=rf"{file}.*{words}") as caught:
        encoder.encode_images([solid(RED)]) if file == "image.onnx" else encoder.encode_texts(["red"])
    assert caught.value.reason == "bundle_tower"


def test_an_opset_of_the_future_is_refused(tmp_path: Path) -> None:
    folder = build_bundle(tmp_path)
    model = onnx.load(folder / "image.onnx")
    model.opset_import[0].version = 99
    onnx.save(model, folder / "image.onnx")
    with pytest.raises(BundleError, match=r"image\.onnx.*99.*till opset \d+") as caught:
        open_encoder(redigested(folder)).encode_images([solid(RED)])
    assert caught.value.reason == "bundle_tower"


def test_the_rule_of_the_manifest_reaches_the_tower(tmp_path: Path) -> None:
    """Red at both ends, blue in the middle: squashed it is both, cropped it is blue."""
    picture = np.concatenate([solid(RED), solid(BLUE), solid(RED)], axis=1)
    squash = json.loads((build_bundle(tmp_path / "squash") / "manifest.json").read_text("utf-8"))["image"]
    crop = squash | {"resize": "shortest_crop", "interpolation": "bilinear"}
    cropped = open_encoder(build_bundle(tmp_path / "crop", image=crop)).encode_images([picture])
    np.testing.assert_allclose(cropped, [[0, 0, 1]], atol=0.05)
    squashed = open_encoder(tmp_path / "squash").encode_images([picture])
    assert squashed[0, 0] > squashed[0, 2] > 0.3


def test_a_bundles_own_network_scores_pairs(tmp_path: Path) -> None:
    encoder = open_encoder(build_bundle(tmp_path, scoring=True))
    assert isinstance(encoder, ScoringEncoder)
    assert encoder.has_scorer
    query, images = encoder.encode_texts(["red"])[0], encoder.encode_images([solid(RED), solid(BLUE)])
    np.testing.assert_allclose(encoder.score(query, images), 2 * images @ query - 1, atol=1e-5)
    assert encoder.score(query, images[:0]).shape == (0,)


def test_without_a_scorer_there_is_no_score(encoder: BundleEncoder) -> None:
    assert not encoder.has_scorer
    with pytest.raises(EncoderError, match="its score is the cosine"):
        encoder.score(np.zeros(DIM, np.float32), np.zeros((1, DIM), np.float32))


def test_a_scorer_with_other_names_or_without_numbers_is_refused(tmp_path: Path) -> None:
    build_bundle(tmp_path / "names", scoring=True)
    (tmp_path / "names" / "scorer.onnx").write_bytes((tmp_path / "names" / "image.onnx").read_bytes())
    manifest = json.loads((tmp_path / "names" / "manifest.json").read_text("utf-8"))
    manifest["files"]["scorer.onnx"] = manifest["files"]["image.onnx"]
    (tmp_path / "names" / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    ones = np.ones((2, DIM), np.float32)
    with pytest.raises(BundleError, match="expected inputs query, image and output score"):
        open_encoder(tmp_path / "names").score(ones[0], ones)
    sound = open_encoder(build_bundle(tmp_path / "sound", scoring=True))
    with pytest.raises(EncoderError, match="finite scores"):
        sound.score(np.full(DIM, np.nan, np.float32), ones)
