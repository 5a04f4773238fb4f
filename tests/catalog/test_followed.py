"""A followed file: new values at once, a damaged file costs nothing but a line in the log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tusou.catalog.durable import write_durably
from tusou.catalog.followed import Followed
from tusou.errors import TusouError


def _number(path: Path | None) -> int:
    if path is None:
        return -1
    if not path.read_text().isdigit():
        raise TusouError(f"{path} is no number")
    return int(path.read_text())


def test_it_follows_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "number"
    followed = Followed("number", lambda: path, _number, 0)
    assert followed() == -1
    write_durably(path, b"7")
    assert (followed(), followed()) == (7, 7)
    write_durably(path, b"eight")
    with caplog.at_level(logging.ERROR):
        assert (followed(), followed()) == (7, 7)
    assert [line for line in caplog.messages if "number cannot be loaded" in line] == caplog.messages[:1]
    write_durably(path, b"9")
    assert followed() == 9
    path.unlink()
    assert followed() == -1


def test_the_first_value_stands_in_for_a_file_that_was_never_sound(tmp_path: Path) -> None:
    path = tmp_path / "number"
    path.write_text("none")
    assert Followed("number", lambda: path, _number, 3)() == 3
    assert Followed("number", lambda: None, _number, 3)() == -1
