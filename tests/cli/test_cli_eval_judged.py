"""``tusou eval judged`` over a small world whose answers can be worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fakes import KeywordEncoder, solid
from search_builders import BLUE, RED, YELLOW, World
from tusou.cli.main import cli, main
from tusou.evaluation.runs import read_run

QUERIES = """\
{"query_id": "q1", "lang": "en", "kind": "misleading", "q": "blue"}
{"query_id": "q2", "lang": "en", "kind": "no answer", "q": "a [submarine]"}
{"query_id": "q3", "lang": "zh", "kind": "word", "q": "红玫瑰"}
"""
QRELS = """\
q1 looked acme/sea 3
q1 looked acme/liar 0
q1 looked zoo/rose 0
q2 looked acme/sea 0
q3 looked zoo/rose 2
q3 looked acme/sea 0
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A yellow picture whose title says blue, a blue one whose title does not, and a rose."""
    made = World(tmp_path_factory.mktemp("judged"))
    made.add_many(
        [
            (solid(YELLOW), {"item_id": "liar", "title_en": "Blue"}),
            (solid(BLUE), {"item_id": "sea", "title_en": "Holidays"}),
            (solid(RED), {"item_id": "rose", "supplier": "zoo", "title_zh": "红玫瑰"}),
        ]
    )
    yield made
    made.close()


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Bundles asked for by name; every encoder is the fake one."""
    named: list[str] = []

    def open_encoder(name: str) -> KeywordEncoder:
        named.append(name)
        return KeywordEncoder()

    monkeypatch.setattr("tusou.encoders.bundle_encoder.open_encoder", open_encoder)
    monkeypatch.setattr(
        "tusou.encoders.library_encoder.open_library_encoder", lambda _: open_encoder("the library's")
    )
    return named


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "queries.jsonl").write_text(QUERIES, "utf-8")
    (tmp_path / "judgments.qrels").write_text(QRELS, "utf-8")
    return ("--queries", str(tmp_path / "queries.jsonl"), "--qrels", str(tmp_path / "judgments.qrels"))


def arguments(world: World, *more: str) -> list[str]:
    return ["eval", "judged", "--library", str(world.library.path), *more]


def run(world: World, *more: str) -> Result:
    return CliRunner().invoke(cli, arguments(world, *more))


def answer(world: World, *more: str) -> dict[str, Any]:
    result = run(world, "--json", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_people_see_each_query_and_the_means(world: World, files: tuple[str, ...]) -> None:
    output = run(world, *files).stdout
    lines = [line.split() for line in output.splitlines()]
    # "blue" finds the picture that says so first, the blue one second: 7 / log2(3) over 7.
    assert ["q1", "0.631", "0.100", "1.000", "misleading", "blue"] in lines
    assert not any(line[:1] == ["q2"] for line in lines)
    assert ["en", "1", "1", "0.631", "0.100", "1.000"] in lines
    assert ["zh", "1", "0", "1.000", "0.100", "0.667"] in lines
    assert ["word", "1", "0", "1.000", "0.100", "0.667"] in lines
    assert ["all", "2", "1", "0.815", "0.100", "0.833"] in lines


def test_json_says_the_same(world: World, files: tuple[str, ...]) -> None:
    found = answer(world, *files, "--measure", "RR@10", "--measure", "Success(rel=3)@1")
    assert set(found) == {"model_id", "only", "queries", "left_out", "means", "per_query"}
    assert (found["model_id"], found["only"]) == ("keyword-1-00000000", None)
    assert (found["queries"], found["left_out"]) == (3, ["q2"])
    assert found["means"]["all"] == {"queries": 2, "left_out": 1, "RR@10": 0.75, "Success(rel=3)@1": 0.0}
    assert found["per_query"][0] == {
        "query_id": "q1",
        "lang": "en",
        "kind": "misleading",
        "q": "blue",
        "RR@10": 0.5,
        "Success(rel=3)@1": 0.0,
    }


@pytest.mark.parametrize(("only", "blue", "rose"), [("words", 0.0, 1.0), ("picture", 1.0, 1.0)])
def test_one_recall_alone(world: World, files: tuple[str, ...], only: str, blue: float, rose: float) -> None:
    found = answer(world, *files, "--only", only, "--measure", "RR@10")
    assert found["only"] == only
    assert [each["RR@10"] for each in found["per_query"]] == [blue, rose]


def test_a_language_without_answers_has_no_mean(world: World, files: tuple[str, ...]) -> None:
    Path(files[1]).write_text("\n".join(QUERIES.splitlines()[1:]), "utf-8")
    assert set(answer(world, *files)["means"]) == {"zh", "word", "all"}


def test_a_bundle_may_be_named(world: World, files: tuple[str, ...], opened: list[str]) -> None:
    run(world, *files)
    run(world, *files, "--bundle", "runs/best")
    assert opened == ["the library's", "runs/best"]


def test_a_library_without_the_judged_images_is_refused(
    world: World, files: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with Path(files[3]).open("a", encoding="utf-8") as stream:
        stream.write("q1 looked zoo/whale 1\n")
    with pytest.raises(SystemExit) as caught:
        main(arguments(world, *files))
    assert caught.value.code == 1
    error = capsys.readouterr().err
    assert "1 of 4 judged images are not in" in error
    assert "first zoo/whale" in error
    assert error.endswith("[qrels_run_mismatch]\n")


@pytest.mark.parametrize(
    ("more", "message"), [("ndcg@10", "no measure 'ndcg@10'"), ("P@101", "at most 100 images")]
)
def test_measures_that_cannot_be_are_wrong_usage(world: World, more: str, message: str) -> None:
    result = run(world, "--measure", more)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_missing_files_are_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments(world, "--queries", "nowhere.jsonl"))
    assert "no file nowhere.jsonl" in capsys.readouterr().err


def test_answers_are_saved_for_comparisons(world: World, files: tuple[str, ...], tmp_path: Path) -> None:
    answer(world, *files, "--save-run", str(tmp_path / "saved.run"))
    saved = read_run(tmp_path / "saved.run")
    assert list(saved) == ["q1", "q2", "q3"]
    assert saved["q1"][:2] == ["acme/liar", "acme/sea"]


def test_recall_tells_the_retrievers_apart(world: World, files: tuple[str, ...]) -> None:
    options = ["--library", str(world.library.path), *files, "--k", "1", "--k", "3"]
    result = CliRunner().invoke(cli, ["eval", "recall", *options, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    # "blue": the words find only the picture that says so, the pictures the blue one first
    means = {name: of["Recall@2"]["mean"] for name, of in found["1"]["means"].items()}
    assert means == {"lexical": 0.5, "dense": 1.0, "both": 1.0}
    assert found["3"]["means"]["lexical"]["Recall@6"]["mean"] == 0.5
    shown = CliRunner().invoke(cli, ["eval", "recall", *options]).stdout
    assert "2 queries, 1 left out" in shown
