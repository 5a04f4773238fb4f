"""What the verbs share: the library option, JSON or human output, tables and questions."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from tusou.catalog.library import Library

if TYPE_CHECKING:
    from tusou.encoders.bundle_encoder import BundleEncoder

_PIPED_WIDTH = 160  # columns of a table that goes to a file or another program

_Command = TypeVar("_Command", bound=Callable[..., Any])


def library_option(command: _Command) -> _Command:
    """Add ``--library PATH``; the command receives ``library_path``."""
    return click.option(
        "--library",
        "library_path",
        type=click.Path(path_type=Path, file_okay=False),
        envvar="TUSOU_LIBRARY",
        default=Path("library"),
        show_default=True,
        show_envvar=True,
        help="Folder of the library.",
    )(command)


def json_option(command: _Command) -> _Command:
    """Add ``--json``; the command receives ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(command)


def yes_option(command: _Command) -> _Command:
    """Add ``--yes``; the command receives ``yes``."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(command)


def open_library(path: Path, *, writer: bool = False) -> Library:
    """Open the library a verb works on; see Library.open."""
    return Library.open(path, writer=writer)


def encoder_maker(library: Library) -> Callable[[], BundleEncoder]:
    """What opens the encoder of a library's bundle; picklable, so that worker processes can call it."""
    # They load ONNX Runtime: only verbs that encode pay.
    from tusou.encoders.bundle_encoder import open_encoder
    from tusou.encoders.library_encoder import library_bundle

    return partial(open_encoder, library_bundle(library))


def print_json(value: Any) -> None:
    """Write a value to stdout as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def console(*, stderr: bool = False) -> Console:
    """A rich console on stdout, or on stderr for progress and warnings."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[float], None]]:
    """A bar on stderr; yields what to call with the part done, 0 to 1."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda fraction: bar.update(task, completed=fraction)


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C or SIGTERM into a polite request; the second Ctrl-C ends at once."""
    asked = threading.Event()

    def ask(_signal: int, _frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        console(stderr=True).print("finishing what is under way … (Ctrl-C again to stop at once)")

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as a table; numbers are aligned to the right, only the last column may break its lines."""
    listed = [list(row) for row in rows]
    table = Table(
        title=title or None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for i, heading in enumerate(headings):
        numeric = bool(listed) and all(isinstance(row[i], int | float) for row in listed)
        last = i == len(headings) - 1
        justify: Literal["left", "right"] = "right" if numeric else "left"
        table.add_column(heading, justify=justify, no_wrap=not last, overflow="fold")
    for row in listed:
        table.add_row(*(format_cell(value) for value in row))
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = max(out.width, _PIPED_WIDTH)
    out.print(table)


def format_cell(value: object) -> str:
    """A value as people read it: thousands separated, markup characters harmless."""
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("[", r"\[")


def format_bytes(count: int) -> str:
    """A size with a decimal unit, three significant digits at most."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")
