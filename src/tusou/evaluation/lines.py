"""Lines of a text file with their places, for readers that name what is wrong and where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tusou.errors import EvaluationError


def read_lines(path: Path, reason: str) -> Iterator[tuple[str, str]]:
    """Yield the lines that are not blank, each with its place (``qrels.txt line 7``).

    Args:
        path: A text file in UTF-8.
        reason: Code of the error when it is no such file.

    Raises:
        EvaluationError: No such file (``data_not_found``), no text, or no line at all.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise EvaluationError(f"no file {path}; give its path", reason="data_not_found") from None
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} is no text file in UTF-8: {error}", reason=reason) from error
    lines = [
        (f"{path} line {number}", line) for number, line in enumerate(text.split("\n"), 1) if line.strip()
    ]
    if not lines:
        raise EvaluationError(f"{path} is empty", reason=reason)
    yield from lines
