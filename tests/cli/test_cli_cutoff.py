"""``tusou train cutoff`` and ``tusou eval cutoff`` over a world whose relevant images are known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from fakes import KeywordEncoder, striped
from search_builders import BLUE, GREEN, RED, YELLOW, World
from tusou.cli.main import cli
from tusou.ranking.cutoff_files import library_folder

COLORS = {"red": RED, "green": GREEN, "blue": BLUE, "yellow": YELLOW}
FULL = 24
"""Stripes of 32 from which a colour makes an image relevant."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Pictures of two colours in every proportion."""
    made = World(tmp_path_factory.mktemp("cutoff"))
    names, rng = list(COLORS), np.random.default_rng(0)
    made.add_many(
        (
            striped({COLORS[name]: wide, COLORS[names[(n + 1) % 4]]: 32 - wide}),
            {"item_id": f"{name}-{wide}-{i}", "title_en": name if rng.random() < 0.5 else ""},
        )
        for n, name in enumerate(names)
        for wide in range(1, 32)
        for i in range(1)
    )
    yield made
    made.close()


@pytest.fixture
def judgments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr("tusou.search.engine.open_library_encoder", lambda _: KeywordEncoder())
    queries, qrels = [], []
    for n in range(40):
        color = list(COLORS)[n % 4]
        queries.append(json.dumps({"query_id": f"q{n}", "lang": "en", "kind": "word", "q": color}))
        qrels += [f"q{n} looked acme/{color}-{wide}-0 {2 * (wide >= FULL)}" for wide in range(1, 32)]
    (tmp_path / "queries.jsonl").write_text("\n".join(queries), "utf-8")
    (tmp_path / "qrels").write_text("\n".join(qrels), "utf-8")
    return ["--queries", str(tmp_path / "queries.jsonl"), "--qrels", str(tmp_path / "qrels")]


def run(world: World, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--library", str(world.library.path)])


def test_it_is_measured_fitted_and_used(world: World, judgments: list[str]) -> None:
    before = run(world, "eval", "cutoff", *judgments)
    assert before.exit_code != 0
    assert "tusou train cutoff" in str(before.exception) + before.output
    trained = run(world, "train", "cutoff", *judgments, "--json")
    assert trained.exit_code == 0, trained.output
    found = json.loads(trained.stdout)
    assert found["queries"] == found["answerable"] == 40
    assert found["auroc"] > 0.9
    assert found["refused"] <= 0.05
    assert Path(found["folder"]) == library_folder(world.library.path, world.encoder.model_id)
    measured = run(world, "eval", "cutoff", *judgments)
    assert measured.exit_code == 0, measured.output
    assert "answerable queries refused" in measured.stdout
    answer = run(world, "search", "red", "--relevant-only", "--json")
    assert answer.exit_code == 0, answer.output
    page = json.loads(answer.stdout)
    assert page["relevant"] == page["total"] > 0
    assert min(item["probability"] for item in page["results"]) > 0
    shown = run(world, "search", "red", "-k", "40", "--explain").stdout
    assert "below the cut-off" in shown
    assert "of them relevant" in shown


def test_a_small_library_is_told_what_is_missing(tmp_path: Path, judgments: list[str]) -> None:
    small = World(tmp_path / "small")
    small.add()
    refused = run(small, "train", "cutoff", *judgments)
    assert refused.exit_code != 0
    assert "at least 100 embedded images, there are 1" in str(refused.exception) + refused.output
    small.close()
