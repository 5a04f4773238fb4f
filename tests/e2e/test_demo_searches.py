"""The main job on real input: bring in the whole demo library, then find what was verified by eye."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tusou.catalog.library import Library
from tusou.cli.main import cli
from tusou.search.engine import SearchEngine
from tusou.types import SearchPage, SearchRequest

DEMO = Path(__file__).parents[2] / "demo"
QUERIES: list[dict[str, Any]] = json.loads((DEMO / "queries.json").read_text("utf-8"))

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchEngine]:
    path = tmp_path_factory.mktemp("demo") / "library"
    for folder in sorted(each for each in DEMO.iterdir() if each.is_dir()):
        arguments = ["ingest", str(folder), "--supplier", folder.name, "--library", str(path)]
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, result.output
    with Library.open(path) as library:
        opened = SearchEngine.open(library)
        yield opened
        opened.close()


def items(page: SearchPage) -> list[str]:
    """Hits as supplier/item_id, best first."""
    return [f"{hit.image.supplier}/{hit.image.item_id}" for hit in page.hits]


def answer(engine: SearchEngine, query: dict[str, Any]) -> list[str]:
    """The first ten hits of one row of queries.json; its picture is a library item or a file beside it."""
    image, image_id = None, None
    named = query.get("image", "")
    if "/" in named:
        record = engine.library.catalog.find(*named.split("/", 1))
        assert record is not None, query
        image_id = record.image_id
    elif named:
        image = (DEMO / named).read_bytes()
    return items(engine.search(SearchRequest(q=query["q"], image=image, image_id=image_id, limit=10)))


def test_nothing_was_refused(engine: SearchEngine) -> None:
    assert engine.library.catalog.count() >= 1_200


def test_verified_answers_stand_among_the_first_ten(engine: SearchEngine) -> None:
    missed = [
        f"{query} found {found[:5]}"
        for query in QUERIES
        if not set(found := answer(engine, query)) & set(query["relevant"])
    ]
    assert len(missed) <= len(QUERIES) // 10, "\n".join(missed)


def test_chinese_and_english_do_equally_well(engine: SearchEngine) -> None:
    shares = []
    for language in ("zh", "en"):
        asked = [query for query in QUERIES if query["lang"] == language and query["q"]]
        found = [bool(set(answer(engine, query)) & set(query["relevant"])) for query in asked]
        assert len(asked) >= 10
        shares.append(sum(found) / len(asked))
    assert abs(shares[0] - shares[1]) <= 0.15


@pytest.mark.parametrize("query", ["a red car", "雪山", "猫"])
def test_the_searches_of_the_readme_put_a_right_image_first(engine: SearchEngine, query: str) -> None:
    row = next(row for row in QUERIES if row["q"] == query)
    assert answer(engine, row)[0] in row["relevant"]


def test_the_library_is_sound(engine: SearchEngine) -> None:
    result = CliRunner().invoke(cli, ["check", "--library", str(engine.library.path)])
    assert result.exit_code == 0, result.output
