"""Check what lies beside the catalog: event log, judgments, rules, rankers and cut-offs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from tusou.catalog.library import Library
from tusou.catalog.model_roles import current_model
from tusou.errors import TusouError
from tusou.feedback import opinions, store
from tusou.ingest.check import Problem
from tusou.office import schema as office
from tusou.office.store import Office
from tusou.ranking.cutoff_files import library_folder, load_cutoff
from tusou.ranking.rules import FILE, read_rules
from tusou.ranking.store import RankerStore

_DATABASES = {
    office.FILE_NAME: "stop the servers and restore it from a backup: it holds collections and rights",
    store.FILE_NAME: "stop the servers and restore it from a backup, or move it away: logging begins anew",
    opinions.FILE_NAME: "restore it from a backup, or move it away: judging begins anew",
}


def check_side_files(library: Library) -> Iterator[Problem]:
    """Problems of the files searches go on without; none that is missing is one.

    Args:
        library: Open library.
    """
    for name, advice in _DATABASES.items():
        yield from _database(library.path / name, advice)
    yield from _audit(library.path)
    yield from _loading("rules", library.path / FILE, lambda: read_rules(library.path / FILE))
    rankers = RankerStore(library.path)
    for name in rankers.names():
        yield from _loading("ranker", rankers.path(name), partial(rankers.open, name))
    yield from _loading("live ranker", rankers.pointer, lambda: rankers.open(rankers.live()))
    model = current_model(library.catalog)
    if model is not None:
        folder = library_folder(library.path, model.model_id)
        yield from _loading("cut-off", folder, lambda: load_cutoff(folder, model.model_id, model.dim))


def _database(path: Path, advice: str) -> Iterator[Problem]:
    if not path.exists():
        return
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            found = [line for (line,) in connection.execute("PRAGMA quick_check")]
        finally:
            connection.close()
    except sqlite3.Error as error:
        found = [str(error)]
    for line in found:
        if line != "ok":
            yield Problem(line, str(path), advice)


def _audit(library: Path) -> Iterator[Problem]:
    """Entries of the audit somebody changed by hand."""
    path = library / office.FILE_NAME
    if not path.exists():
        return
    try:
        with closing(Office(library)) as opened:
            wrong = opened.tampered()
    except TusouError:
        return  # the file itself was complained of
    for number in wrong:
        yield Problem(
            f"entry {number} of the audit does not follow from the one before: the file was changed by hand",
            str(path), "compare it with a backup",
        )  # fmt: skip


def _loading(what: str, path: Path, load: Callable[[], object]) -> Iterator[Problem]:
    if not path.exists():
        return
    try:
        load()
    except TusouError as error:
        yield Problem(
            f"{what} cannot be used: {error}", str(path), "answers go on without it; see the message"
        )
