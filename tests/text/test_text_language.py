"""Language is told by what most of a text is written in."""

from __future__ import annotations

import pytest

from tusou.text.language import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("雪山", "zh"),
        ("red car", "en"),
        ("iPhone手机壳", "zh"),
        ("A view of the old town of 丽江 in Yunnan", "en"),
        ("雪山 Snow", "zh"),
        ("", "en"),
        ("2024 😀", "en"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert detect_language(text) == language
