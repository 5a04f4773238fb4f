"""Plain coloured shapes and the words people would search them by, in both languages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

COLORS = {
    "red": ((205, 35, 35), "红色"),
    "orange": ((240, 140, 20), "橙色"),
    "yellow": ((235, 215, 40), "黄色"),
    "green": ((40, 150, 60), "绿色"),
    "blue": ((35, 70, 200), "蓝色"),
    "purple": ((130, 45, 170), "紫色"),
    "black": ((25, 25, 25), "黑色"),
}
"""RGB and the Chinese word of every colour."""

SHAPES = {"circle": "圆形", "square": "方形", "triangle": "三角形"}
"""The Chinese word of every shape."""

WIDTH, HEIGHT = 120, 90


@dataclass(frozen=True)
class Shape:
    """One picture and what is on it.

    Attributes:
        color: Key of COLORS.
        shape: Key of SHAPES.
        pixels: (HEIGHT, WIDTH, 3) uint8.
    """

    color: str
    shape: str
    pixels: npt.NDArray[np.uint8]


def draw_shapes(count: int, random: np.random.Generator) -> list[Shape]:
    """Draw pictures whose colour, shape, size and place are chosen at random."""
    return [_draw(str(random.choice([*COLORS])), str(random.choice([*SHAPES])), random) for _ in range(count)]


def queries(color: str, shape: str) -> tuple[str, ...]:
    """Everything a picture with this colour and shape answers."""
    color_zh, shape_zh = COLORS[color][1], SHAPES[shape]
    english = (color, shape, f"{color} {shape}", f"a {color} {shape}")
    return (*english, color_zh, shape_zh, f"{color_zh}{shape_zh}", f"{color_zh}的{shape_zh}")


def _draw(color: str, shape: str, random: np.random.Generator) -> Shape:
    rgb = (np.array(COLORS[color][0]) + random.integers(-15, 16, 3)).clip(0, 255)
    gray = int(random.integers(225, 250))
    image = Image.new("RGB", (WIDTH, HEIGHT), (gray, gray, gray))
    side = int(random.integers(36, 66))
    left, top = int(random.integers(6, WIDTH - side - 6)), int(random.integers(6, HEIGHT - side - 6))
    box = (left, top, left + side, top + side)
    draw, fill = ImageDraw.Draw(image), tuple(map(int, rgb))
    if shape == "circle":
        draw.ellipse(box, fill=fill)
    elif shape == "square":
        draw.rectangle(box, fill=fill)
    else:
        draw.polygon([(left, box[3]), (box[2], box[3]), (left + side // 2, top)], fill=fill)
    return Shape(color, shape, np.asarray(image))
