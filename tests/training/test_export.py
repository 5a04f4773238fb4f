"""A finished run becomes a bundle that gives the network's embeddings and can be searched with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from training_builders import config_of, shapes_table, write_shapes

from bundle_builder import build_bundle
from tusou.encoders.bundle_encoder import BundleEncoder, open_session
from tusou.errors import TrainingError
from tusou.imaging.decode import decode
from tusou.imaging.limits import Limits
from tusou.models.bundle import load_bundle
from tusou.training.export import export_run
from tusou.training.onnx_graphs import HALVED, chain, halve
from tusou.training.prepare import prepare
from tusou.training.relevance_task import RelevanceTask
from tusou.training.run import train_run
from tusou.training.run_folder import RunFolder

pytestmark = pytest.mark.train


def trained(tmp_path: Path, **sections: Any) -> tuple[Any, Path]:
    """Train a little, return the configuration and the run's folder."""
    config = config_of(shapes_table(write_shapes(tmp_path / "shapes"), **sections))
    train_run(config, tmp_path / "run")
    return config, tmp_path / "run"


def network_rows(config: Any, run: Path) -> tuple[list[str], Any, Any]:
    """Dev queries, and the network's rows of them and of the dev images."""
    task = prepare(config, start=False).task
    assert isinstance(task, RelevanceTask)
    task.model.load_state_dict(RunFolder(run).load_weights())
    queries, images = task.rows(task.dev)
    return list(task.dev.data.queries), queries.numpy(), (task.dev.data.pictures, images.numpy())


def test_the_bundle_gives_the_networks_embeddings(tmp_path: Path) -> None:
    config, run = trained(tmp_path, bundle={"version": "3", "license": "CC0-1.0"})
    made = export_run(config, run, tmp_path / "bundle")
    assert max(made.differences.values()) < 1e-3
    bundle = load_bundle(tmp_path / "bundle")
    assert (bundle.manifest.name, bundle.manifest.version, bundle.dim) == ("shapes", "3", 16)
    assert bundle.manifest.languages == ("en", "zh")
    encoder = BundleEncoder(bundle)
    texts, expected, (pictures, rows) = network_rows(config, run)
    np.testing.assert_allclose(encoder.encode_texts(texts), expected, atol=2e-3)
    pixels = [decode(picture.read(), Limits()).pixels for picture in pictures]
    np.testing.assert_allclose(encoder.encode_images(pixels), rows, atol=2e-3)


def test_other_weights_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a graph that is not the network's is refused."""
    config, run = trained(tmp_path)
    monkeypatch.setattr("tusou.training.export.halve", _spoilt)
    with pytest.raises(TrainingError, match="differ from the network's"):
        export_run(config, run, tmp_path / "bundle")


def _spoilt(model: onnx.ModelProto) -> onnx.ModelProto:
    for weight in model.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT:
            values = onnx.numpy_helper.to_array(weight)
            weight.CopyFrom(onnx.numpy_helper.from_array((values * values).astype(np.float32), weight.name))
    return model


def test_a_concatenation_scorer_becomes_a_graph_of_its_own(tmp_path: Path) -> None:
    config, run = trained(tmp_path, scorer={"type": "concatenation", "hidden": 8})
    export_run(config, run, tmp_path / "bundle")
    bundle = load_bundle(tmp_path / "bundle")
    assert bundle.manifest.scorer == "scorer.onnx"
    task = prepare(config, start=False).task
    assert isinstance(task, RelevanceTask)
    task.model.load_state_dict(RunFolder(run).load_weights())
    queries, images = (torch.nn.functional.normalize(torch.randn(5, 16), dim=1) for _ in range(2))
    session = open_session(tmp_path / "bundle" / "scorer.onnx", 1)
    (scores,) = session.run(None, {"query": queries.numpy(), "image": images.numpy()})
    grid = task.model.eval().scorer.grid(queries, images).detach().numpy()
    np.testing.assert_allclose(scores, np.diagonal(grid), atol=1e-5)
    served = BundleEncoder(bundle)  # what a search ranks with
    assert served.has_scorer
    np.testing.assert_allclose(served.score(queries[0].numpy(), images.numpy()), grid[0], atol=1e-5)


def test_a_frozen_encoder_and_learnt_words_become_one_graph(tmp_path: Path) -> None:
    """Towers of another bundle stand for encoders of other frameworks."""
    given = build_bundle(tmp_path / "given")
    text = {
        "tower": "onnx",
        "words": 16,
        "min_count": 1,
        "options": {
            "file": str(given / "text.onnx"),
            "tokenizer": load_bundle(given).manifest.text.tokenizer.model_dump(),
        },
    }
    image = {
        "tower": "onnx",
        "train": "none",
        "options": {"file": str(given / "image.onnx"), "size": 16, "mean": [0, 0, 0], "std": [255, 255, 255]},
    }
    table = shapes_table(write_shapes(tmp_path / "shapes"), scorer={"start": "cca", "dim": 3})
    config = config_of(table | {"image": image, "text": text})
    train_run(config, tmp_path / "run")
    export_run(config, tmp_path / "run", tmp_path / "bundle")
    encoder = BundleEncoder(load_bundle(tmp_path / "bundle"))
    texts, expected, (pictures, rows) = network_rows(config, tmp_path / "run")
    np.testing.assert_allclose(encoder.encode_texts(texts), expected, atol=0.03)  # from float16 features
    pixels = [decode(picture.read(), Limits()).pixels for picture in pictures]
    np.testing.assert_allclose(encoder.encode_images(pixels), rows, atol=0.03)


def test_int8_stays_close_and_is_smaller(tmp_path: Path) -> None:
    config, run = trained(
        tmp_path,
        image={"tower": "mobilenet_v3_small", "options": {"size": 32}},
        training={"epochs": 1},
        bundle={"image_calibration": 16},
    )
    whole = export_run(config, run, tmp_path / "float32")
    made = export_run(config, run, tmp_path / "int8", int8=True)
    assert whole.int8_cosine is None
    assert made.int8_cosine is not None
    mean, smallest = made.int8_cosine
    assert 0.7 < smallest <= mean <= 1 + 1e-6
    sizes = [(tmp_path / kind / "image.onnx").stat().st_size for kind in ("int8", "float32")]
    assert sizes[0] < 0.7 * sizes[1]  # scales of each channel take their part in so small a tower


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    config = config_of(shapes_table(write_shapes(tmp_path / "shapes")))
    (tmp_path / "run").mkdir()
    with pytest.raises(TrainingError, match="has not finished"):
        export_run(config, tmp_path / "run", tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_chained_graphs_compute_one_after_the_other(tmp_path: Path) -> None:
    def graph(kind: str, given: str, result: str) -> onnx.ModelProto:
        ends = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 2])
            for name in (given, result)
        ]
        node = onnx.helper.make_node(kind, [given], [result])
        made = onnx.helper.make_graph([node], "g", ends[:1], ends[1:])
        return onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)

    onnx.save(chain(graph("Neg", "x", "y"), graph("Relu", "features", "z"), "features"), tmp_path / "c.onnx")
    (found,) = open_session(tmp_path / "c.onnx", 1).run(None, {"x": np.array([[1, -2]], np.float32)})
    np.testing.assert_array_equal(found, [[0, 2]])
    with pytest.raises(TrainingError, match="cannot be chained"):
        chain(graph("Neg", "x", "y"), graph("Relu", "other", "z"), "features")


def test_halving_keeps_small_weights_exact() -> None:
    rng = np.random.default_rng(0)
    values = {"large": rng.normal(size=(HALVED,)), "small": rng.normal(size=(3,))}
    weights = [onnx.numpy_helper.from_array(each.astype(np.float32), name) for name, each in values.items()]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n"]) for name in ("a", "b")]
    nodes = [onnx.helper.make_node("Identity", [name], [end]) for name, end in zip(values, "ab", strict=True)]
    graph = onnx.helper.make_graph(nodes, "g", [], ends, weights)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    halved = halve(model)
    assert {each.name: each.data_type for each in halved.graph.initializer} == {
        "large_half": onnx.TensorProto.FLOAT16,
        "small": onnx.TensorProto.FLOAT,
    }
