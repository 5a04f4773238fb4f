"""The picture of words: like ones lie together, few words are no trouble, Chinese is drawn or reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-untyped]
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-untyped]
from matplotlib.font_manager import FontEntry
from PIL import Image

from tusou.cli.main import cli
from tusou.errors import DataError
from tusou.training.word_map import WordPanel, choose_fonts, draw_word_map, installed_fonts, word_positions

pytestmark = pytest.mark.train


def two_clusters(each: int) -> np.ndarray:
    noise = np.random.default_rng(2).normal(0, 0.05, (2 * each, 12)).astype(np.float32)
    noise[:each, 0] += 1
    noise[each:, 1] += 1
    return noise


@pytest.fixture
def font(tmp_path: Path) -> Path:
    """A font that knows 狗 and 猫 alone, both as black squares."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((0, 900), (900, 900), (900, 0)):
        pen.lineTo(point)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord("狗"): "square", ord("猫"): "square"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": square})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "square": (1000, 0)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Square Test", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path / "square.ttf"
    builder.save(str(path))
    return path


def latin_fonts() -> list[FontEntry]:
    """What a machine without a Chinese font has."""
    return [entry for entry in installed_fonts() if entry.name == "DejaVu Sans"]


def test_like_words_lie_together_and_one_seed_gives_one_picture() -> None:
    positions = word_positions(two_clusters(12), seed=3)
    centres = positions[:12].mean(axis=0), positions[12:].mean(axis=0)
    apart = np.linalg.norm(centres[0] - centres[1])
    spread = max(np.linalg.norm(positions[:12] - centres[0], axis=1).mean(), 1e-9)
    assert apart > 2 * spread
    np.testing.assert_array_equal(positions, word_positions(two_clusters(12), seed=3))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_few_words_have_finite_places(count: int) -> None:
    positions = word_positions(np.random.default_rng(0).normal(size=(count, 9)).astype(np.float32))
    assert positions.shape == (count, 2)
    assert np.isfinite(positions).all()
    assert len(np.unique(positions.round(6), axis=0)) == count


def test_a_zero_vector_and_equal_words_do_no_harm() -> None:
    matrix = np.zeros((6, 4), np.float32)
    matrix[1:3] = 1
    assert np.isfinite(word_positions(matrix)).all()


def test_a_character_goes_to_the_first_font_that_has_it(font: Path) -> None:
    latin = latin_fonts()
    square = FontEntry(fname=str(font), name="Square Test")
    assert choose_fonts("dogé \u200b", [*latin, square]) == (["DejaVu Sans"], "")
    assert choose_fonts("dog 狗", [*latin, square]) == (["DejaVu Sans", "Square Test"], "")
    assert choose_fonts("狗猫", [square, *latin]) == (["Square Test"], "")
    assert choose_fonts("狗马车", [*latin, square]) == (["Square Test"], "车马")


def test_a_font_of_boxes_does_not_count() -> None:
    """Matplotlib's last resort draws a box for every character, so that nothing ever seemed to be missing."""
    assert not [entry.name for entry in installed_fonts() if "Last Resort" in entry.name]


def test_characters_no_font_has_are_reported_and_an_own_font_draws_them(
    tmp_path: Path, font: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tusou.training.word_map.installed_fonts", latin_fonts)
    panel = WordPanel("zh", ["狗", "猫"], two_clusters(1))
    without, with_font = tmp_path / "without.png", tmp_path / "with.png"
    assert draw_word_map([panel], without) == "狗猫"
    assert draw_word_map([panel], with_font, font=font) == ""
    assert ink(with_font) > ink(without)


def ink(path: Path) -> int:
    """Number of dark pixels."""
    return int((np.asarray(Image.open(path).convert("L")) < 64).sum())


def test_panels_stand_side_by_side(tmp_path: Path) -> None:
    panels = [WordPanel("a", ["x"], two_clusters(1)[:1]), WordPanel("b", ["$y", "z"], two_clusters(1))]
    draw_word_map(panels, tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.width == 2 * picture.height


def test_a_file_that_is_no_font_is_refused(tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"no font")
    for path in (tmp_path / "font.ttf", tmp_path / "nowhere.ttf"):
        with pytest.raises(DataError, match=str(path)) as caught:
            draw_word_map([WordPanel("a", ["x"], two_clusters(1)[:1])], tmp_path / "m.png", font=path)
        assert caught.value.reason == "bad_font"
    assert not (tmp_path / "m.png").exists()


def test_the_command_gives_each_word_to_the_file_that_knows_it(tmp_path: Path, font: Path) -> None:
    (tmp_path / "en.txt").write_text("dog 1 2\ncat 2 1\n", "utf-8")
    (tmp_path / "zh.txt").write_text("狗 1 2\n猫 2 1\n", "utf-8")
    vectors = [f"--vectors={tmp_path / name}" for name in ("en.txt", "zh.txt")]
    command = ["words", "map", "dog", "狗", "cat", *vectors, f"--output={tmp_path / 'map.png'}"]
    result = CliRunner().invoke(cli, [*command, f"--font={font}"])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == f"{tmp_path / 'map.png'}: 3 words"
    assert result.stderr == ""
    unknown = CliRunner().invoke(cli, [*command, "cow"])
    assert "'cow': not among the 2 words" in str(unknown.exception)


def test_the_command_warns_of_boxes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tusou.training.word_map.installed_fonts", latin_fonts)
    (tmp_path / "v.txt").write_text("狗 1 2\n", "utf-8")
    result = CliRunner().invoke(
        cli, ["words", "map", "狗", f"--vectors={tmp_path / 'v.txt'}", f"--output={tmp_path / 'm.png'}"]
    )
    assert result.exit_code == 0, result.output
    assert "no installed font draws 狗" in result.stderr
    assert "--font" in result.stderr
