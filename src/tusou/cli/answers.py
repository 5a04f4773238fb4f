"""How the search verbs show an answer: a table for people, stable JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tusou.search.item import item_of
from tusou.search.texts import answer_language, label_of
from tusou.types import Explanation, Hit, Language, SearchPage, SearchRequest, Supplier

_Command = TypeVar("_Command", bound=Callable[..., Any])

BAR_WIDTH = 40
"""Characters of a contribution of 1."""

ID_WIDTH = 16
"""Characters of an image id; it is never cut, since people copy it."""

PIPED_WIDTH = 140
"""Characters per line when the answer goes into a file or a pipe."""

PART_STYLES = {"bm25": "cyan", "coverage": "blue", "dense": "magenta", "image": "magenta"}
"""Colour of a bar by the beginning of the feature's name; the rest is dim."""

NOTES = {
    "empty_query": "Nothing was asked, so here are the newest images.",
    "filters_only": "Only filters, so here is what they let through, newest first.",
    "exclusions_only": "Only exclusions, so here is everything else, newest first.",
    "only_stop_words": "The query has common words only; they were looked up as they are.",
    "relevance_unknown": "Nobody knows what is relevant to a search like this, so nothing was left out.",
    "synonyms": "Synonyms were looked up as well.",
    "nothing_matches": "Nothing in the library matches this well; here is what comes nearest.",
    "no_words": "The query has no words; it was searched by meaning alone.",
    "too_many_words": "Only the first words were looked up; the whole text was searched by meaning.",
    "unclosed_quote": "A quotation mark was left open; the words behind it were searched one by one.",
    "words_ignored": "Copies are found by the picture alone; the words were left out.",
}
"""What the codes of SearchPage.notes mean."""


def lang_option(command: _Command) -> _Command:
    """Add ``--lang``."""
    return click.option(
        "--lang",
        type=click.Choice(["zh", "en", "auto"]),
        default="auto",
        show_default=True,
        help="Language of the texts shown; auto follows the words.",
    )(command)


def limit_options(command: _Command) -> _Command:
    """Add the options every list of results has."""
    for option in (
        click.option("--facets", is_flag=True, help="Count suppliers, licences, shapes and colours."),
        click.option("--explain", is_flag=True, help="Say why each image stands where it stands."),
        lang_option,
        click.option(
            "--offset", type=click.IntRange(0), default=0, show_default=True, help="Results to skip."
        ),
        click.option(
            "-k",
            "--k",
            "limit",
            type=click.IntRange(1, 100),
            default=10,
            show_default=True,
            help="Results to show.",
        ),
    ):
        command = option(command)
    return command


def page_json(page: SearchPage, request: SearchRequest, suppliers: Mapping[str, Supplier]) -> dict[str, Any]:
    """A page as documented in docs/guides/searching.md."""
    lang = answer_language(request)
    return {
        "query_id": page.query_id,
        "total": page.total,
        "relevant": page.relevant,
        "more_relevant": page.more_relevant,
        "offset": request.offset,
        "results": [item_of(hit, lang, supplier=suppliers.get(hit.image.supplier)) for hit in page.hits],
        "facets": {
            name: [{"value": value, "count": count} for value, count in counts]
            for name, counts in page.facets.items()
        },
        "notes": list(page.notes),
        "timings": {stage: round(spent, 3) for stage, spent in page.timings.items()},
    }


def print_page(page: SearchPage, request: SearchRequest, suppliers: Mapping[str, Supplier]) -> None:
    """Print a page as a table; explanations and facets below when asked for."""
    console = wide_console()
    lang = answer_language(request)
    for note in page.notes:
        console.print(f"[dim]{escape(NOTES[note])}[/dim]")
    if page.hits:
        console.print(_table(page, lang, suppliers))
    for hit in page.hits if request.explain else ():
        _print_explanation(console, hit, lang)
    for name, counts in page.facets.items():
        line = ", ".join(f"{escape(value)} {count:,}" for value, count in counts[:12])
        console.print(f"[dim]{name}:[/dim] {line or '–'}")
    console.print(f"[dim]{_summary(page)}[/dim]")


def wide_console() -> Console:
    """As wide as the terminal; wide enough for every column where there is none."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def _table(page: SearchPage, lang: Language, suppliers: Mapping[str, Supplier]) -> Table:
    table = Table(show_edge=False, pad_edge=False, header_style="dim", box=None, padding=(0, 2, 0, 0))
    for heading, justify in (("#", "right"), ("score", "right")):
        table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type] # a literal
    table.add_column("title", ratio=1, overflow="ellipsis", no_wrap=True, min_width=12)
    table.add_column("supplier", overflow="ellipsis", no_wrap=True)
    table.add_column("licence", overflow="ellipsis", no_wrap=True)
    table.add_column("size", no_wrap=True)
    table.add_column("id", no_wrap=True, min_width=ID_WIDTH, style="dim")
    for hit in page.hits:
        if hit.rank - 1 == page.relevant and hit is not page.hits[0]:
            table.add_section()
            table.add_row("", "", "[dim]below the cut-off: the nearest others[/dim]")
        supplier = suppliers.get(hit.image.supplier)
        table.add_row(
            str(hit.rank),
            f"{hit.score:.3f}",
            escape(label_of(hit.image, lang) + (f" (+{len(hit.copies)})" if hit.copies else "")),
            escape((supplier.title if supplier else "") or hit.image.supplier),
            escape(hit.image.metadata.license.removeprefix("LicenseRef-") or "?"),
            f"{hit.image.width}x{hit.image.height}",
            hit.image.image_id,
        )
    return table


def _print_explanation(console: Console, hit: Hit, lang: Language) -> None:
    explanation = hit.explanation or Explanation((), {}, ())
    console.print(f"\n[bold]{hit.rank}. {escape(label_of(hit.image, lang))}[/bold]  {hit.score:.3f}")
    for field, words in explanation.matches.items():
        console.print(
            f"  [dim]{field}:[/dim] " + ", ".join(f"[green]{escape(word)}[/green]" for word in words)
        )
    if explanation.percentile is not None:
        percent = math.floor(explanation.percentile * 1000) / 10  # 99.97 is not all of them
        console.print(f"  [dim]meaning:[/dim] closer than {percent}% of the other candidates")
    if hit.probability is not None:
        console.print(f"  [dim]relevant:[/dim] with a probability of {hit.probability:.0%}")
    for rule in explanation.rules:
        until = f" until {rule.until:%Y-%m-%d}" if rule.until else ""
        note = f": {escape(rule.note)}" if rule.note else ""
        console.print(f"  [dim]rule {rule.rule_id}:[/dim] {rule.kind}{until}{note}")
    for part in explanation.contributions:
        bar = Text("█" * max(1, round(part.contribution * BAR_WIDTH)), style=_style(part.feature))
        line = Text(f"  {part.feature:<18}{part.contribution:6.3f}  ").append_text(bar)
        console.print(line)


def _style(feature: str) -> str:
    return next((style for start, style in PART_STYLES.items() if feature.startswith(start)), "dim")


def _summary(page: SearchPage) -> str:
    if not page.total:
        return "Nothing matches. Try other words, fewer filters, or a picture."
    if not page.hits:
        return f"The answer ends at {page.total:,}."
    first, last = page.hits[0].rank, page.hits[-1].rank
    spent = page.timings.get("total", 0.0)
    more = f", more with --offset {last}" if last < page.total else ""
    known = "" if page.relevant is None else f", {page.relevant:,}{'+' * page.more_relevant} of them relevant"
    return f"{first}–{last} of {page.total:,}{known}, in {spent:.0f} ms{more}"
