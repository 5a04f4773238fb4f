"""``tusou judgments``: grades people gave on the judging page, in and out, and how far they agree."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tusou.cli.common import json_option, library_option, open_library, print_json, print_table
from tusou.errors import FeedbackError

if TYPE_CHECKING:
    from tusou.feedback.opinions import Opinion

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def judgments() -> None:
    """Grades of the judging page (/judge): export for evaluation and training, import, agreement."""


@judgments.command()
@library_option
@click.option("--queries", "queries_path", type=FILE, required=True, help="JSON Lines of queries to write.")
@click.option("--qrels", "qrels_path", type=FILE, required=True, help="TREC judgments to write.")
@json_option
def export(library_path: Path, queries_path: Path, qrels_path: Path, as_json: bool) -> None:
    """Write every query and one grade for each image: the median of its judges, the lower of two middle ones.

    The files are what `tusou eval judged`, `tusou train ranker` and `tusou train cutoff` read. Images that
    left the library are left out and counted.
    """
    from tusou.evaluation.qrels import Judgment, write_judgments
    from tusou.feedback.opinions import OpinionStore, settled
    from tusou.imaging.metatext import language_of

    by_query: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    with open_library(library_path) as library, OpinionStore(library.path) as store:
        for each in store.all():
            by_query[each.q][each.image_id][each.judge] = each.grade
        ids = sorted({image_id for images in by_query.values() for image_id in images})
        records = library.catalog.get_many(ids)
    found, lines, gone = [], [], 0
    for number, (q, images) in enumerate(sorted(by_query.items()), start=1):
        lang = language_of(q)
        query_id = f"{lang}-{number}"
        lines.append({"query_id": query_id, "lang": lang, "kind": "judged", "q": q})
        for image_id, grade in settled(images).items():
            record = records.get(image_id)
            gone += record is None
            if record is not None:
                found.append(Judgment(query_id, "judged", f"{record.supplier}/{record.item_id}", grade))
    if not found:
        raise FeedbackError(
            f"nobody judged an image of {library_path} yet: open /judge on its server", reason="no_judgments"
        )
    queries_path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    write_judgments(qrels_path, found)
    if as_json:
        print_json({"queries": len(lines), "judgments": len(found), "gone": gone})
    else:
        click.echo(f"{len(lines)} queries, {len(found):,} judgments; {gone} of images that left the library")


@judgments.command("import")
@click.option("--queries", "queries_path", type=FILE, required=True, help="JSON Lines of queries.")
@click.option("--qrels", "qrels_path", type=FILE, required=True, help="TREC judgments of them.")
@click.option("--judge", required=True, help="Name under which the grades are kept.")
@library_option
@json_option
def bring_in(queries_path: Path, qrels_path: Path, judge: str, library_path: Path, as_json: bool) -> None:
    """Keep the grades of judgment files as those of one judge; images not in the library are counted."""
    from tusou.catalog.records import image_id_of
    from tusou.evaluation.qrels import qrels_of, read_judgments, read_queries
    from tusou.feedback.opinions import OpinionStore

    queries, qrels = read_queries(queries_path), qrels_of(read_judgments(qrels_path))
    kept = unknown = 0
    with open_library(library_path) as library, OpinionStore(library.path) as store:
        for query in queries:
            grades = {
                image_id_of(*doc_id.partition("/")[::2]): grade
                for doc_id, grade in qrels.get(query.query_id, {}).items()
            }
            known = library.catalog.get_many(list(grades))
            unknown += len(grades) - len(known)
            if known:
                store.add(query.q, judge, {image_id: grades[image_id] for image_id in known})
                kept += len(known)
    if as_json:
        print_json({"judgments": kept, "unknown_images": unknown})
    else:
        click.echo(f"{kept:,} judgments of {judge}; {unknown:,} of images that are not in the library")


@judgments.command()
@library_option
@json_option
def agreement(library_path: Path, as_json: bool) -> None:
    """Weighted kappa of every two judges over what both graded, and what they disagree on most."""
    from tusou.feedback.opinions import OpinionStore, agreement_of

    with open_library(library_path) as library, OpinionStore(library.path) as store:
        opinions = store.all()
    found = agreement_of(opinions)
    if as_json:
        print_json({**found, "contradictions": _contradictions(opinions)})
        return
    rows = [
        [*pair["judges"], pair["images"], "–" if pair["kappa"] is None else f"{pair['kappa']:.3f}"]
        for pair in found["pairs"]
    ]
    mean = "not known yet" if found["kappa"] is None else f"{found['kappa']:.3f}"
    print_table(f"mean kappa {mean}", ["judge", "judge", "images", "kappa"], rows)
    for each in _contradictions(opinions):
        grades = ", ".join(f"{judge} {grade}" for judge, grade in each["grades"].items())
        click.echo(f"{each['q']}: {each['image_id']} ({grades})")


def _contradictions(opinions: list[Opinion], most: int = 10) -> list[dict[str, Any]]:
    """Images judges graded two or more apart, widest first."""
    graded: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for each in opinions:
        graded[each.q, each.image_id][each.judge] = each.grade
    apart = {key: max(grades.values()) - min(grades.values()) for key, grades in graded.items()}
    wide = sorted((key for key in apart if apart[key] >= 2), key=lambda key: (-apart[key], key))
    return [{"q": key[0], "image_id": key[1], "grades": graded[key]} for key in wide[:most]]
