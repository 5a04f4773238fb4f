"""Tiny training data and configurations: coloured shapes with captions in both languages, digits as bars."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from tusou.training.config import RunConfig, parse_run_config

COLORS = {  # name, Chinese name, RGB
    "red": ("红色", (220, 30, 30)),
    "green": ("绿色", (30, 200, 30)),
    "blue": ("蓝色", (30, 30, 220)),
    "yellow": ("黄色", (230, 220, 20)),
}
SHAPES = {"circle": "圆形", "square": "方形", "stripes": "条纹"}
SIDE = 32


def shape_pixels(color: str, shape: str, seed: int) -> npt.NDArray[np.uint8]:
    """A picture of a coloured shape on grey, moved a little by the seed, with noise."""
    rng = np.random.default_rng(seed)
    pixels = np.full((SIDE, SIDE, 3), 110, np.uint8)
    x, y = (int(each) for each in rng.integers(13, 19, 2))
    rgb = COLORS[color][1]
    if shape == "circle":
        cv2.circle(pixels, (x, y), 10, rgb, -1)
    elif shape == "square":
        cv2.rectangle(pixels, (x - 9, y - 9), (x + 9, y + 9), rgb, -1)
    else:
        pixels[y % 6 :: 6] = pixels[y % 6 + 1 :: 6] = rgb
    return (pixels + rng.integers(-8, 8, pixels.shape)).clip(0, 255).astype(np.uint8)


def write_shapes(folder: Path, copies: int = 4, *, shuffled: bool = False) -> Path:
    """captions.jsonl and PNG files: ``copies`` of each shape to train on, one to measure, other wording.

    Args:
        folder: Made.
        copies: Training pictures of each colour and shape.
        shuffled: Training captions belong to other pictures: nothing can be learnt.
    """
    (folder / "images").mkdir(parents=True)
    kinds = [(color, shape) for color in COLORS for shape in SHAPES]
    rows = []
    for split, seeds in (("train", range(copies)), ("dev", range(900, 901))):
        for seed in seeds:
            told = np.random.default_rng(seed).permutation(len(kinds)) if shuffled else np.arange(len(kinds))
            for i, (color, shape) in enumerate(kinds):
                name = f"{color}-{shape}-{seed}.png"
                pixels = cv2.cvtColor(shape_pixels(color, shape, seed * 100 + i), cv2.COLOR_RGB2BGR)
                (folder / "images" / name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
                about = kinds[i] if split == "dev" else kinds[told[i]]
                captions = _captions(about[0], about[1], split)
                rows.append({"image": name, "split": split, **captions})
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "captions.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def _captions(color: str, shape: str, split: str) -> dict[str, list[str]]:
    chinese, form = COLORS[color][0], SHAPES[shape]
    if split == "dev":
        return {"en": [f"{shape}, {color}"], "zh": [f"{form} {chinese}"]}
    return {"en": [f"a {color} {shape}"], "zh": [f"{chinese} {form}"]}


def write_digits(path: Path, train: int = 300, test: int = 100) -> Path:
    """An npz of ten classes of 28 x 28 pictures: a bright bar at one of ten heights, noise around it."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for seed, (split, count) in enumerate((("train", train), ("test", test))):
        rng = np.random.default_rng(seed)
        labels = np.arange(count) % 10
        pixels = rng.integers(0, 90, (count, 28, 28))
        for row, label in zip(pixels, labels, strict=True):
            row[2 + 2 * label : 5 + 2 * label, 6:22] += 120
        arrays |= {f"x_{split}": pixels.astype(np.uint8), f"y_{split}": labels}
    np.savez(path, allow_pickle=False, **arrays)
    return path


def shapes_table(source: Path, **sections: Any) -> dict[str, Any]:
    """A small two-tower run on ``write_shapes``; sections given here are laid over the usual ones."""
    table: dict[str, Any] = {
        "name": "shapes",
        "seed": 3,
        "data": {"source": str(source), "cache": str(source.parent / "cache")},
        "image": {"tower": "lenet5", "options": {"size": 32, "channels": 3}},
        "text": {"tower": "word_mean", "options": {"dim": 16}, "min_count": 1},
        "scorer": {"dim": 16, "scale": 10.0, "learn_scale": True},
        "objective": {"type": "info_nce", "symmetric": True},
        "optimizer": {"lr": 3e-3},
        "training": {"epochs": 2, "batch_size": 24, "measure": "success@1", "threads": 1},
    }
    return laid_over(table, sections)


def digits_table(source: Path, **sections: Any) -> dict[str, Any]:
    """LeNet-5 on ``write_digits``."""
    table: dict[str, Any] = {
        "name": "digits",
        "data": {"source": str(source), "dev": "test"},
        "image": {"tower": "lenet5"},
        "scorer": {"type": "classes"},
        "objective": {"type": "cross_entropy"},
        "optimizer": {"lr": 2e-3},
        "training": {"epochs": 3, "batch_size": 30, "threads": 1},
    }
    return laid_over(table, sections)


def laid_over(table: dict[str, Any], sections: Mapping[str, Any]) -> dict[str, Any]:
    """Sections over those of a table, key by key; what is no table replaces."""
    for name, section in sections.items():
        table[name] = {**table.get(name, {}), **section} if isinstance(section, Mapping) else section
    return table


def config_of(table: dict[str, Any]) -> RunConfig:
    """The table, checked."""
    return parse_run_config(table, "test")


def toml(table: Mapping[str, Any]) -> str:
    """A table of tables as TOML (strings, numbers, flags, lists of them)."""
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    for key in table.keys() - plain.keys():
        lines.append(f"[{key}]")
        lines += [f"{_quoted(name)} = {_inline(value)}" for name, value in table[key].items()]
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(key)} = {_inline(each)}" for key, each in value.items()) + "}"
    return json.dumps(value)


def _quoted(key: str) -> str:
    return json.dumps(key)


def write_config(path: Path, table: Mapping[str, Any]) -> Path:
    """A configuration file."""
    path.write_text(toml(table), encoding="utf-8")
    return path
