"""Imports point strictly down the layers; heavy libraries stay in their own units."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "tusou"
SOURCE = Path(__file__).parents[1] / "src" / PACKAGE
LAYERS: tuple[frozenset[str], ...] = (  # lowest first; a unit imports units of earlier lines only
    frozenset({"errors"}),
    frozenset({"types"}),
    frozenset({"config"}),
    frozenset({"catalog", "imaging", "text", "models", "index", "evaluation", "client"}),
    frozenset({"ingest", "encoders", "feedback", "office"}),
    frozenset({"recall", "ranking"}),
    frozenset({"search", "training"}),
    frozenset({"server", "bench"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
LEVEL = {unit: level for level, units in enumerate(LAYERS) for unit in units}
CONFINED = {
    "torch": {"training"},
    "torchvision": {"training"},
    "fastapi": {"server"},
    "starlette": {"server"},
    "uvicorn": {"server"},
    "sqlalchemy": {"catalog", "feedback", "office"},
    "httpx": {"client"},
    "mcp": {"client"},
    "pickle": set(),
    "joblib": set(),
}


def imported_names(path: Path, root: Path) -> Iterator[str]:
    """Yield the dotted name of every import in a file, relative ones resolved."""
    package = (PACKAGE, *path.relative_to(root).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *filter(None, [node.module])))
            yield from (f"{stem}.{alias.name}" for alias in node.names)


def layer_problem(unit: str, name: str) -> str | None:
    """Say what is wrong when a unit imports this name, if anything is."""
    top, _, rest = name.partition(".")
    target = rest.split(".")[0]
    if top == PACKAGE and unit not in ("__init__", target):
        if target == "__version__":
            return None
        if LEVEL.get(target, len(LAYERS)) >= LEVEL[unit]:
            return f"{unit} imports {target or 'the package root'}"
    if top in CONFINED and unit not in CONFINED[top]:
        return f"{unit} imports {top}, which belongs in {sorted(CONFINED[top]) or 'no unit'}"
    return None


def violations(root: Path) -> Iterator[str]:
    """Yield one line per import that breaks a rule, and per unit that LAYERS does not list."""
    for path in sorted(root.rglob("*.py")):
        unit = path.relative_to(root).parts[0].removesuffix(".py")
        if unit not in LEVEL and unit != "__init__":
            yield f"{unit} is not in LAYERS"
            continue
        problems = (layer_problem(unit, name) for name in sorted(set(imported_names(path, root))))
        yield from (f"{path.relative_to(root)}: {problem}" for problem in problems if problem)


def test_imports_point_strictly_down() -> None:
    assert len(list(SOURCE.rglob("*.py"))) > 10, "nothing was checked"
    assert list(violations(SOURCE)) == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("index/flat.py", "from tusou.recall.dense import DenseRetriever"),  # upwards
        ("recall/dense.py", "from ..ranking import base"),  # sideways
        ("ingest/runner.py", "import tusou"),  # package root
        ("encoders/base.py", "import torch.nn"),  # heavy library outside its unit
        ("search/page.py", "from fastapi import Request"),
        ("models/cache.py", "import pickle"),
        ("server/app.py", "import sqlalchemy"),
        ("utils/misc.py", ""),  # a unit nobody placed
    ],
)
def test_planted_violation_is_found(tmp_path: Path, place: str, line: str) -> None:
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_text(line, encoding="utf-8")
    assert len(list(violations(tmp_path))) == 1
