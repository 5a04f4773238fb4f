"""The scale scenario: what it builds is what it says, and its figures are made of what was measured."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tusou.bench.machine import Timings, machine, percentiles, resident_mb
from tusou.bench.search_scale import FILTERS, FileRows, ann_recall, build, exact_scores, run
from tusou.bench.synthetic import HUNDREDTH, QUERY_RANKS, TENTH, SyntheticLibrary
from tusou.cli.bench import bench


def test_the_same_numbers_make_the_same_library() -> None:
    first, second = SyntheticLibrary(300, 32), SyntheticLibrary(300, 32)
    np.testing.assert_array_equal(first.embeddings(50, 100), second.embeddings(50, 100))
    assert list(first.documents(20, 40)) == list(second.documents(20, 40))
    assert not np.array_equal(first.embeddings(50, 100), first.embeddings(50, 150))


def test_embeddings_are_unit_and_clustered() -> None:
    embeddings = SyntheticLibrary(5000, 64).embeddings(2000, 0)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)
    cosines = embeddings @ embeddings.T
    np.fill_diagonal(cosines, -1)
    assert cosines.max(axis=1).mean() > cosines[cosines > -1].mean() + 0.4


def test_attributes_have_the_selectivities_the_filters_are_named_for() -> None:
    counts = Counter(document.supplier for document in SyntheticLibrary(20_000, 8).documents(0, 20_000))
    assert counts[TENTH] == pytest.approx(2000, rel=0.1)
    assert counts[HUNDREDTH] == pytest.approx(200, rel=0.3)


def test_queries_ask_for_words_that_documents_hold() -> None:
    library = SyntheticLibrary(500, 8)
    queries = library.queries(9)
    assert [len(query.should) for query, _ in queries] == [1, 2, 3] * 3
    english = {word for query, _ in queries[::2] for clause in query.should for word in clause.words}
    assert {int(word[1:]) for word in english} <= set(QUERY_RANKS)


def test_ann_recall_by_hand() -> None:
    scores = np.arange(2000, dtype=np.float32)
    best = np.arange(1999, 999, -1)
    assert list(ann_recall(scores, None, best)) == [1, 1, 1]
    missed = np.concatenate([best[:5], best[10:]])
    assert list(ann_recall(scores, None, missed)) == pytest.approx([0.5, 0.95, 0.995])
    even = scores % 2 == 0
    assert list(ann_recall(scores, even, np.arange(1998, -1, -2))) == [1, 1, 1]
    equal = np.zeros(2000, np.float32)
    assert list(ann_recall(equal, None, np.arange(1000))) == [1, 1, 1]


def test_exact_scores_are_inner_products(tmp_path: Path) -> None:
    library = SyntheticLibrary(130, 16)
    build(tmp_path, library)
    rows = FileRows(tmp_path / "rows.f16", 16)
    queries = library.embeddings(3, 5)
    expected = queries @ rows.slice(0, 130).astype(np.float32).T
    np.testing.assert_allclose(exact_scores(rows, queries), expected, atol=1e-5)


def test_a_library_that_is_there_is_not_built_again(tmp_path: Path) -> None:
    library = SyntheticLibrary(130, 16)
    assert build(tmp_path, library)
    before = (tmp_path / "rows.f16").stat().st_mtime_ns
    assert build(tmp_path, library) == {}
    assert (tmp_path / "rows.f16").stat().st_mtime_ns == before


def test_the_report_says_what_was_measured(tmp_path: Path) -> None:
    report = run(600, 16, 4, tmp_path, lambda _: None)
    assert json.loads(json.dumps(report)) == report
    assert set(report["filters"]) == set(FILTERS)
    for figures in report["filters"].values():
        assert set(figures["stages_ms"]) >= {"mask", "lexical", "dense", "recall", "field_scores"}
        assert figures["ann_recall"] == {"@10": 1.0, "@100": 1.0, "@1000": 1.0}
    assert report["floors"]["dense_ratio"] > 0
    assert report["machine"]["libraries"]["tantivy"] != "not installed"


def test_percentiles_and_timings() -> None:
    assert percentiles(list(range(101))) == {"p50": 50, "p95": 95, "p99": 99, "best": 0}
    timings = Timings()
    for _ in range(3):
        with timings.measure("stage"):
            sum(range(1000))
    figures = timings.summary()["stage"]
    assert 0 < figures["best"] <= figures["p50"] <= figures["p99"]
    assert machine()["cores"] >= 1
    assert resident_mb() > 10


def test_the_verb_prints_tables_and_writes_json(tmp_path: Path) -> None:
    output = tmp_path / "reports" / "search.json"
    options = ["search", "--rows", "300", "--dim", "16", "--queries", "2", "--output", str(output)]
    shown = CliRunner().invoke(bench, options, catch_exceptions=False)
    assert shown.exit_code == 0
    assert "ANN recall" in shown.output
    assert json.loads(output.read_text(encoding="utf-8"))["rows"] == 300
    plain = CliRunner().invoke(bench, [*options, "--json"], catch_exceptions=False)
    assert json.loads(plain.stdout)["scenario"] == "search"


def test_whole_searches_go_through_catalog_and_bundle(tmp_path: Path) -> None:
    options = ["search", "--rows", "200", "--dim", "16", "--queries", "2", "--whole", "--json"]
    shown = CliRunner().invoke(bench, [*options, "--cache", str(tmp_path)], catch_exceptions=False)
    whole = json.loads(shown.stdout)["whole_search"]
    assert {"text, embedding known", "text, new", "picture"} <= set(whole["queries"])
    assert whole["queries"]["picture"]["stages_ms"]["encode"]["p50"] > 0
