"""The report says what the comparison found, shows the answers, and lets nothing out of its file."""

from __future__ import annotations

from html.parser import HTMLParser

from tusou.evaluation.comparison import Comparison, compare
from tusou.evaluation.graded import parse_measure
from tusou.evaluation.report import Material, write_report

QRELS = {"q1": {"zoo/a": 3, "zoo/b": 0}, "q2": {"zoo/a": 1}, "q3": {"zoo/b": 2}}
RUNS = {
    "old": {"q1": ["zoo/b", "zoo/a"], "q2": ["zoo/a"], "q3": ["zoo/x", "zoo/b"]},
    "<new>": {"q1": ["zoo/a"], "q2": ["zoo/x", "zoo/a"], "q3": ["zoo/x", "zoo/b"]},
}
WORDS = {"q1": "雪山 & <b>", "q2": "a red car"}

EMPTY = ("meta", "img", "br", "rect", "line")


class Seen(HTMLParser):
    """Text, sources of pictures and grades of a page; fails on tags that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.sources: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(found: Comparison) -> Seen:
    material = Material(WORDS, QRELS, RUNS, lambda doc_id: b"jpeg" if doc_id != "zoo/x" else None)
    page = Seen()
    page.feed(write_report(found, material, "Old & new"))
    page.close()
    assert not page.open
    return page


def test_wins_and_losses_are_shown_with_their_answers() -> None:
    page = seen(compare(RUNS, QRELS, [parse_measure("RR")]))
    assert "3 queries, 0 left out" in page.text
    assert "3 个查询" in page.text
    for text in (
        "Old & new",
        "雪山 & <b>",
        "a red car",
        "<new>: wins",
        "<new>: losses",
        "+0.000",
        "1 / 1 / 1",
    ):
        assert text in page.text, text
    assert "q3" not in page.text.split("wins", 1)[1].split("losses")[1]  # it did not change
    assert page.sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert "zoo/x" in page.text  # no thumbnail: its name stands in


def test_a_single_system_shows_what_it_answers_worst() -> None:
    page = seen(compare({"old": RUNS["old"]}, QRELS, [parse_measure("RR"), parse_measure("P@5")]))
    assert "Answered worst" in page.text
    assert page.text.index("雪山") < page.text.index("a red car")
    assert "Against" not in page.text
