"""Draw words as a picture in which similar ones lie together (t-SNE)."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry, fontManager, get_font
from sklearn.manifold import TSNE

from tusou.errors import DataError
from tusou.text.word_vectors import Vectors

_BASE_FONT = "DejaVu Sans"  # comes with matplotlib
_BOXES = "Last Resort"  # so does this, which has a box for every character
_PERPLEXITY = 30.0  # t-SNE's usual value; it must stay below the number of words
_TSNE_FROM = 5
_INCHES = 8.0

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WordPanel:
    """Words of one file; vectors of different files do not compare, so each has a panel of its own.

    Attributes:
        title: Written above.
        words: Labels.
        matrix: (words, dim) float32.
    """

    title: str
    words: Sequence[str]
    matrix: Vectors


def draw_word_map(
    panels: Sequence[WordPanel], output: Path, *, font: Path | None = None, seed: int = 0
) -> str:
    """Write a PNG of the words, one panel per file side by side.

    Args:
        panels: At least one, each with at least one word.
        output: The PNG file.
        font: A font file to write with before any installed one.
        seed: Start of t-SNE's random numbers.

    Returns:
        Characters that no font can draw, drawn as boxes; empty when all is well.

    Raises:
        DataError: ``bad_font``: the font file cannot be read.
    """
    wanted = {character for panel in panels for character in "".join((panel.title, *panel.words))}
    families, missing = choose_fonts(wanted, [*_own_font(font), *installed_fonts()])
    with rc_context({"font.family": families or [_BASE_FONT]}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # told by what is returned
        figure = Figure((_INCHES * len(panels), _INCHES), layout="constrained")
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            _draw(axes, panel, seed)
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
    output.write_bytes(picture.getvalue())
    return missing


def word_positions(matrix: Vectors, *, seed: int = 0) -> Points:
    """Two coordinates per word: t-SNE (van der Maaten and Hinton, JMLR 2008) of the unit vectors.

    Its perplexity, about the number of neighbours a word keeps, is at most a third of the words. Fewer than
    five words have no neighbourhoods to keep and are projected on their two main axes.

    Args:
        matrix: (words, dim) float32.
        seed: Start of the random numbers; the same seed gives the same picture.

    Returns:
        (words, 2).
    """
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit = matrix / np.where(lengths > 0, lengths, 1)
    if len(unit) < _TSNE_FROM:
        return _main_axes(unit.astype(np.float64))
    perplexity = min(_PERPLEXITY, (len(unit) - 1) / 3)
    positions: Points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(unit)
    return positions


def choose_fonts(characters: Iterable[str], fonts: Sequence[FontEntry]) -> tuple[list[str], str]:
    """The font families that draw these characters together, and what none of them can draw.

    matplotlib takes each character from the first family that has it.

    Args:
        characters: What is to be drawn; invisible ones do not count.
        fonts: Best first.
    """
    left = {character for character in characters if character.isprintable()}
    families = []
    for font in fonts:
        if not left:
            break
        drawn = {character for character in left if ord(character) in _characters_of(font.fname)}
        if drawn:
            families.append(font.name)
            left -= drawn
    return families, "".join(sorted(left))


def installed_fonts() -> list[FontEntry]:
    """Matplotlib's own font, then plain upright sans-serif fonts, then the others."""
    return sorted((font for font in fontManager.ttflist if not font.name.startswith(_BOXES)), key=_plainness)


def _own_font(path: Path | None) -> list[FontEntry]:
    if path is None:
        return []
    try:
        fontManager.addfont(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: no font format that is known
        raise DataError(
            f"{path} cannot be used as a font ({error}); name another", reason="bad_font"
        ) from error
    return fontManager.ttflist[-1:]


def _main_axes(unit: Points) -> Points:
    centred = unit - unit.mean(axis=0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    axes = (left * lengths)[:, :2]
    return np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))


def _draw(axes: Axes, panel: WordPanel, seed: int) -> None:
    positions = word_positions(panel.matrix, seed=seed)
    axes.scatter(positions[:, 0], positions[:, 1], s=12)
    for word, (x, y) in zip(panel.words, positions, strict=True):
        axes.annotate(word, (x, y), xytext=(4, 3), textcoords="offset points", parse_math=False)
    axes.set_title(panel.title, parse_math=False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.1)


def _plainness(font: FontEntry) -> tuple[bool, bool, bool, bool, str]:
    return (
        font.name != _BASE_FONT,
        font.style != "normal",
        font.weight not in (400, "normal", "regular"),
        "Sans" not in font.name,
        font.name,
    )


@cache
def _characters_of(path: str) -> frozenset[int]:
    return frozenset(get_font(path).get_charmap())
