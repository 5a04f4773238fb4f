"""The menu of verbs, exit codes and how quickly it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tusou.cli.main import VERBS, cli, main


def test_the_menu_names_every_verb() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    assert result.exit_code == 0
    assert [verb for verb in VERBS if verb not in result.output] == []


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_verb_explains_itself(verb: str) -> None:
    result = CliRunner().invoke(cli, [verb, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


@pytest.mark.parametrize("verb", list(VERBS))
def test_every_option_has_a_help_text(verb: str) -> None:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    commands = [command, *getattr(command, "commands", {}).values()]
    options = [option for each in commands for option in each.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_an_unknown_verb_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["serach"])
    assert caught.value.code == 2
    assert "serach" in capsys.readouterr().err


def test_an_error_is_one_line_with_its_reason(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["stats", "--library", f"{tmp_path}/nowhere"])
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert "nowhere" in error
    assert "[library_not_found]" in error


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from tusou.cli.main import cli;"
        "CliRunner().invoke(cli, ['--help']);"
        "heavy = {'numpy', 'faiss', 'onnxruntime', 'torch', 'fastapi', 'sqlalchemy'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
