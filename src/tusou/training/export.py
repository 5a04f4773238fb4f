"""From a trained run to a bundle: towers and heads as ONNX graphs, checked against their network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import Tensor, nn

from tusou.catalog.durable import dump_json, write_durably
from tusou.encoders.bundle_encoder import open_session
from tusou.encoders.preprocess import pixel_tensor
from tusou.errors import TrainingError
from tusou.models.manifest import WordsTokenizer
from tusou.training.caching import image_input
from tusou.training.config import RunConfig
from tusou.training.data.decoding import decode_picture
from tusou.training.model import RelevanceModel
from tusou.training.onnx_export import export_module
from tusou.training.onnx_graphs import chain, halve, simplify
from tusou.training.prepare import Prepared, prepare
from tusou.training.quantize import quantize_tower
from tusou.training.relevance_task import RelevanceTask
from tusou.training.run_folder import RunFolder
from tusou.training.scorers.concatenation import ConcatenationScorer
from tusou.training.towers.image.onnx import OnnxImageTower
from tusou.training.towers.text.onnx import OnnxTextTower
from tusou.training.towers.text.sentence_words import SentenceWords

Array = npt.NDArray[np.float32]

PARITY = 1e-3
"""Largest difference between a number of the network's embedding and of the graph's (weights are halved)."""

CHECKED = 16
"""Images and queries the graphs are compared on."""


@dataclass(frozen=True)
class Exported:
    """A bundle that was written.

    Attributes:
        folder: Where it lies.
        differences: Largest difference from the network, by tower.
        int8_cosine: Mean and smallest cosine of int8 with float32 embeddings; None without int8.
    """

    folder: Path
    differences: dict[str, float]
    int8_cosine: tuple[float, float] | None = None


class _Tower(nn.Module):
    """A tower with its head."""

    def __init__(self, tower: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.tower, self.head = tower, head

    def forward(self, *inputs: Tensor) -> Tensor:
        embedding: Tensor = self.head(self.tower(*inputs))
        return embedding


def export_run(config: RunConfig, run: Path, output: Path, *, int8: bool = False) -> Exported:
    """Write the bundle of a finished run.

    Args:
        config: The run's.
        run: Its folder.
        output: Bundle folder to write; made if missing.
        int8: Also quantise the image tower's convolutions.

    Raises:
        TrainingError: The run is not finished, learnt classes, or a graph differs from the network.
        CheckpointMismatch: The weights are not those of this configuration.
    """
    folder = RunFolder(run)
    if not folder.weights.exists() or config.scorer.type == "classes":
        problem = "learnt classes, not queries" if config.scorer.type == "classes" else "has not finished"
        raise TrainingError(f"{run} {problem}: nothing to export", reason="nothing_to_export")
    prepared = prepare(config, start=False)
    model = prepared.task.model
    assert isinstance(model, RelevanceModel)
    model.load_state_dict(folder.load_weights())
    model.eval()
    output.mkdir(parents=True, exist_ok=True)
    differences = {
        "image": _export_image(prepared, model, output),
        "text": _export_text(prepared, model, output),
    }
    if isinstance(model.scorer, ConcatenationScorer):
        example = (torch.zeros(2, model.scorer.dim), torch.zeros(2, model.scorer.dim))
        export_module(model.scorer, example, output / "scorer.onnx", ["query", "image"], "score")
    cosine = _quantize(config, prepared, output) if int8 else None
    figures = {name: value for name, value in folder.result()["measures"].items() if name != "loss"}
    write_manifest(config, prepared, model, output, {f"dev_{name}": value for name, value in figures.items()})
    return Exported(output, differences, cosine)


def _export_image(prepared: Prepared, model: RelevanceModel, output: Path) -> float:
    tower, path = prepared.image_tower, output / "image.onnx"
    head = model.scorer.image_head
    draft = output / ".draft.onnx"
    if isinstance(tower, OnnxImageTower):
        alone = _Tower(nn.Identity(), head)
        export_module(alone, (torch.zeros(2, tower.width),), draft, ["features"], "embedding")
        graph = chain(_renamed(tower.file, "pixels"), onnx.load(draft), "features")
        onnx.save(graph, draft)
    else:
        example = (torch.zeros(2, tower.channels, tower.size, tower.size),)
        export_module(_Tower(tower.plain(), head), example, draft, ["pixels"], "embedding")
    simplify(draft, path)
    draft.unlink()
    pixels = next(_pixels(prepared, CHECKED))
    return _difference(path, {"pixels": pixels}, _image_rows(prepared, model, pixels))


def _image_rows(prepared: Prepared, model: RelevanceModel, pixels: Array) -> Array:
    tower = prepared.image_tower
    with torch.inference_mode():
        features = (
            torch.from_numpy(tower.encode(pixels))
            if isinstance(tower, OnnxImageTower)
            else tower.eval()(torch.from_numpy(pixels))
        )
        rows: Array = model.scorer.image_head(features).numpy()
    return rows


def _export_text(prepared: Prepared, model: RelevanceModel, output: Path) -> float:
    tower, path, draft = prepared.text_tower, output / "text.onnx", output / ".draft.onnx"
    module = _Tower(model.text, model.scorer.text_head)
    ids = torch.ones(2, 5, dtype=torch.int64)
    if isinstance(tower, OnnxTextTower):
        words = isinstance(model.text, SentenceWords)
        example = (torch.zeros(2, tower.width), *((ids, ids) if words else ()))
        names = ["features", *(("ids", "mask") if words else ())]
        export_module(module, example, draft, names, "embedding", tokens=("ids", "mask"))
        graph = chain(onnx.load(tower.file), halve(onnx.load(draft)), "features")
        (output / tower.tokenizer.file).write_bytes((tower.file.parent / tower.tokenizer.file).read_bytes())
    else:
        export_module(module, (ids, ids), draft, ["ids", "mask"], "embedding", tokens=("ids", "mask"))
        graph = halve(onnx.load(draft))
        assert prepared.vocabulary is not None
        prepared.vocabulary.write(output / "words.txt")
    onnx.save(graph, path)
    draft.unlink()
    return _text_difference(prepared, model, path)


def _text_difference(prepared: Prepared, model: RelevanceModel, path: Path) -> float:
    task = prepared.task
    assert isinstance(task, RelevanceTask)
    texts, reader, tower = task.dev.data.queries[:CHECKED], prepared.reader, prepared.text_tower
    assert reader is not None
    ids, mask = reader.batch([reader.ids(text) for text in texts])
    given: tuple[Tensor, ...] = (torch.from_numpy(ids), torch.from_numpy(mask))
    if isinstance(tower, OnnxTextTower):  # its features as they are, not as float16 from the cache
        features = torch.from_numpy(tower.encode(texts))
        given = (features, *given) if isinstance(model.text, SentenceWords) else (features,)
    with torch.inference_mode():
        expected = model.encode_text(given).numpy()
    return _difference(path, {"ids": ids, "mask": mask}, expected)


def _difference(path: Path, inputs: dict[str, Any], expected: Array) -> float:
    session = open_session(path, 1)
    wanted = {each.name for each in session.get_inputs()}
    found = session.run(None, {name: value for name, value in inputs.items() if name in wanted})[0]
    difference = float(np.abs(found - expected).max())
    if not difference <= PARITY:
        raise TrainingError(
            f"{path}: the graph's embeddings differ from the network's by {difference:.2g}, allowed is "
            f"{PARITY}",
            reason="export_differs",
        )
    return difference


def _pixels(prepared: Prepared, count: int, batch: int = CHECKED) -> Iterator[Array]:
    """Inputs of ``count`` training pictures, spread over the split."""
    task = prepared.task
    assert isinstance(task, RelevanceTask)
    pictures, spec = task.train.data.pictures, image_input(prepared.image_tower)
    chosen = np.random.default_rng(0).permutation(len(pictures))[:count]
    for start in range(0, len(chosen), batch):
        part = chosen[start : start + batch]
        yield pixel_tensor([decode_picture(pictures[i]) for i in part], spec)


def _quantize(config: RunConfig, prepared: Prepared, output: Path) -> tuple[float, float]:
    """Put an int8 tower in the place of the float32 one; returns mean and smallest cosine between them."""
    path, whole = output / "image.onnx", output / ".float32.onnx"
    path.replace(whole)
    quantize_tower(whole, path, _pixels(prepared, config.bundle.image_calibration, 8))
    pixels = np.concatenate(list(_pixels(prepared, 4 * CHECKED)))
    rows = [open_session(file, 1).run(None, {"pixels": pixels})[0] for file in (whole, path)]
    whole.unlink()
    cosines = (rows[0] * rows[1]).sum(1)
    return float(cosines.mean()), float(cosines.min())


def _renamed(path: Path, name: str) -> onnx.ModelProto:
    """A graph whose one input has another name."""
    model = onnx.load(path)
    given = model.graph.input[0].name
    for node in model.graph.node:
        node.input[:] = [name if each == given else each for each in node.input]
    model.graph.input[0].name = name
    return model


def write_manifest(
    config: RunConfig, prepared: Prepared, model: RelevanceModel, output: Path, figures: dict[str, float]
) -> None:
    """Describe the folder's files with their digests."""
    tower = prepared.text_tower
    tokenizer = (
        tower.tokenizer
        if isinstance(tower, OnnxTextTower)
        else WordsTokenizer(type="words", file="words.txt", max_tokens=_max_tokens(config))
    )
    task = prepared.task
    assert isinstance(task, RelevanceTask)
    files = sorted(path for path in output.iterdir() if path.name != "manifest.json" and path.name[0] != ".")
    manifest = {
        "schema_version": 1,
        "name": config.name,
        "version": config.bundle.version,
        "license": config.bundle.license,
        "dim": model.scorer.dim,
        "languages": sorted({each for each in task.train.data.languages if each}) or ["en"],
        "image": image_input(prepared.image_tower).model_dump(mode="json"),
        "text": {"file": "text.onnx", "tokenizer": tokenizer.model_dump(mode="json")},
        "scorer": "scorer.onnx" if isinstance(model.scorer, ConcatenationScorer) else None,
        "sources": [source.model_dump(mode="json") for source in config.bundle.sources],
        "files": {
            path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
            for path in files
        },
        "figures": figures,
    }
    write_durably(output / "manifest.json", dump_json(manifest))


def _max_tokens(config: RunConfig) -> int:
    assert config.text is not None
    return config.text.max_tokens
