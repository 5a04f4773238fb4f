"""``tusou train ranker`` and ``tusou rankers`` over a world whose judgments follow the pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes import KeywordEncoder, solid
from search_builders import BLUE, GREEN, RED, World, ask
from tusou.cli.main import cli
from tusou.errors import ConfigError, RankerError
from tusou.feedback.records import LoggedQuery
from tusou.feedback.store import FILE_NAME, EventStore
from tusou.ranking.learn.config import load_ranker_config

COLORS = {"red": RED, "green": GREEN, "blue": BLUE}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Pictures of three colours, whose titles lie: each names the colour after its own."""
    made = World(tmp_path_factory.mktemp("rankers"))
    names = list(COLORS)
    made.add_many(
        (solid(COLORS[name]), {"item_id": f"{name}-{i}", "title_en": names[(n + 1) % 3]})
        for n, name in enumerate(names)
        for i in range(4)
    )
    yield made
    made.close()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """60 queries for colours; relevant is what has the colour, whatever the title says."""
    monkeypatch.setattr("tusou.encoders.library_encoder.open_library_encoder", lambda _: KeywordEncoder())
    monkeypatch.setattr("tusou.search.engine.open_library_encoder", lambda _: KeywordEncoder())
    queries, qrels = [], []
    for n in range(60):
        color = list(COLORS)[n % 3]
        queries.append(json.dumps({"query_id": f"q{n}", "lang": "en", "kind": "word", "q": color}))
        qrels += [f"q{n} looked acme/{name}-{i} {3 * (name == color)}" for name in COLORS for i in range(4)]
    (tmp_path / "queries.jsonl").write_text("\n".join(queries), "utf-8")
    (tmp_path / "qrels").write_text("\n".join(qrels), "utf-8")
    path = tmp_path / "ranker.toml"
    path.write_text(
        f'name = "seen"\nqueries = "{tmp_path}/queries.jsonl"\nqrels = "{tmp_path}/qrels"\n', "utf-8"
    )
    return path


def run(world: World, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--library", str(world.library.path)])


def test_a_ranker_is_trained_promoted_and_taken_back(world: World, config: Path) -> None:
    trained = run(world, "train", "ranker", str(config), "--json")
    assert trained.exit_code == 0, trained.output
    answer = json.loads(trained.stdout)
    assert (answer["kind"], answer["queries"]) == ("linear", 60)
    assert answer["held_out"]["seen"] == 1.0 > answer["held_out"]["convex"]
    assert "95 % interval" in run(world, "train", "ranker", str(config)).stdout
    assert run(world, "rankers", "promote", "seen").stdout == "seen is live\n"
    (built_in, seen) = json.loads(run(world, "rankers", "list", "--json").stdout)
    assert (built_in["state"], seen["state"], seen["against"]) == ("", "live", "convex")
    assert run(world, "rankers", "rollback").stdout == "convex (built in) is live\n"


def test_what_people_were_shown_can_be_learnt_from(world: World, config: Path) -> None:
    """Every query is logged once, with the features its ranking saw."""
    queries = [json.loads(line) for line in config.with_name("queries.jsonl").read_text("utf-8").splitlines()]
    engine = world.engine()
    logged = []
    for query in queries:
        query["q"] = f"{query['q']} {query['query_id']}"
        page = ask(engine, query["q"], limit=12)
        ids = tuple(hit.image.image_id for hit in page.hits)
        logged.append(LoggedQuery(page.query_id, 1_800_000_000_000, query["q"], ids, features=page.features))
    engine.close()
    with EventStore(world.library.path / FILE_NAME) as store:
        store.write(logged, [], now=1_800_000_000_000)
    config.with_name("queries.jsonl").write_text("\n".join(map(json.dumps, queries)), "utf-8")
    config.write_text(config.read_text("utf-8") + 'candidates = "logged"\n', "utf-8")
    trained = run(world, "train", "ranker", str(config), "--json")
    assert trained.exit_code == 0, trained.output
    assert "60 judged queries in 60 logged answers" in trained.stderr
    answer = json.loads(trained.stdout)
    assert answer["queries"] == 60
    assert answer["held_out"]["seen"] == 1.0


def test_too_few_queries_are_not_learnt_from(world: World, config: Path) -> None:
    queries = config.with_name("queries.jsonl")
    queries.write_text("\n".join(queries.read_text("utf-8").splitlines()[:12]), "utf-8")
    result = run(world, "train", "ranker", str(config))
    assert result.exit_code == 2
    assert "12 judged queries are too few" in result.output


def test_wrong_keys_are_named_together(world: World, config: Path) -> None:
    config.write_text(
        'name = "Bad Name"\nfolds = 1\nmeasure = "F1"\nfeatures = ["bm25f", "charm"]\ncolour = 3\n', "utf-8"
    )
    result = run(world, "train", "ranker", str(config))
    assert isinstance(result.exception, ConfigError)
    for problem in ("name:", "folds:", "measure: Value error, no measure", "no feature charm", "colour:"):
        assert problem in str(result.exception)


def test_an_unknown_ranker_is_named(world: World) -> None:
    result = run(world, "rankers", "promote", "gone")
    assert isinstance(result.exception, RankerError)
    assert result.exception.reason == "ranker_not_found"


def test_the_shipped_configuration_opens_with_its_command_and_parses() -> None:
    path = Path(__file__).parents[2] / "configs" / "ranker.toml"
    assert path.read_text("utf-8").startswith("# tusou train ranker configs/ranker.toml")
    assert load_ranker_config(path).name == "demo"
