"""Apply a manager's rules to one query: synonyms before recall, boosts, burials and pins after ranking."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from tusou.errors import TusouError
from tusou.index.base import TextClause
from tusou.ranking.rules import SYNONYM_WEIGHT, Rule
from tusou.search.answer import Answer, Reasons
from tusou.search.parse import MAX_TERMS, ParsedQuery, parse_query
from tusou.text.analyze import Analyzer, Term
from tusou.types import AppliedRule, Contribution, Filters, Mask, Rows

Allowed = Callable[[Filters], Mask | None]
"""Live rows a filter lets through."""

IMAGE = "image:"


def rules_for(rules: Iterable[Rule], now: datetime | None = None) -> list[Rule]:
    """The rules that have not ended."""
    moment = now or datetime.now(UTC)
    return [rule for rule in rules if rule.holds(moment)]


def with_synonyms(parsed: ParsedQuery, rules: Sequence[Rule], analyzer: Analyzer) -> ParsedQuery:
    """Look up synonyms too, at SYNONYM_WEIGHT; what the encoder reads stays as typed.

    A synonym is for its words anywhere in the query. It counts as the words it stands for, so images without
    it lose nothing in coverage.
    """
    terms, clauses = list(parsed.terms), list(parsed.text_query.should)
    for rule in rules:
        if rule.kind != "synonym":
            continue
        place = _place_of(analyzer.terms(rule.query), parsed.terms)
        if place is None or len(terms) >= MAX_TERMS:
            continue
        words = analyzer.terms(rule.target)
        terms.extend(words)
        clauses.append(
            TextClause(
                words=tuple(word for term in words for word in term.words),
                grams=tuple(gram for term in words for gram in term.grams),
                weight=SYNONYM_WEIGHT,
                stands_for=place,
            )
        )
    if len(terms) == len(parsed.terms):
        return parsed
    text_query = replace(parsed.text_query, should=tuple(clauses))
    return replace(parsed, terms=tuple(terms), text_query=text_query, notes=(*parsed.notes, "synonyms"))


def _place_of(wanted: Sequence[Term], terms: Sequence[Term]) -> int | None:
    """Where one run of terms stands in another; the place of its first."""
    if not wanted:
        return None
    keys, sought = ([(term.words, term.grams) for term in each] for each in (terms, wanted))
    starts = range(len(keys) - len(sought) + 1)
    return next((start for start in starts if keys[start : start + len(sought)] == sought), None)


def moved(
    answer: Answer, rules: Sequence[Rule], words: str, allowed: Allowed, row_of: Callable[[str], int | None]
) -> Answer:
    """The answer after boosts and burials; the relevant set stays in front.

    Args:
        answer: Ranked.
        rules: Those that have not ended.
        words: The query's words.
        allowed: Live rows a filter lets through.
        row_of: Row of an image id, None for one that is gone.
    """
    mine = [rule for rule in rules if rule.kind in ("boost", "bury") and rule.is_for(words)]
    return _moved(answer, mine, allowed, row_of) if mine and len(answer.rows) else answer


def pinned(
    answer: Answer, rules: Sequence[Rule], words: str, mask: Mask, row_of: Callable[[str], int | None]
) -> Answer:
    """The answer with pinned images at their places.

    Args:
        answer: Ranked.
        rules: Those that have not ended.
        words: The query's words.
        mask: Rows that may be found.
        row_of: Row of an image id, None for one that is gone.
    """
    mine = [rule for rule in rules if rule.kind == "pin" and rule.is_for(words)]
    pins = {
        rule: row
        for rule in sorted(mine, key=lambda rule: rule.rank)
        if (row := row_of(rule.target.removeprefix(IMAGE))) is not None and row < len(mask) and mask[row]
    }
    return _pinned(answer, pins) if pins else answer


@dataclass(frozen=True, slots=True)
class _Move:
    rule: Rule
    rows: npt.NDArray[np.bool_]
    amount: float


def _moved(
    answer: Answer, rules: Sequence[Rule], allowed: Allowed, row_of: Callable[[str], int | None]
) -> Answer:
    """Add to the scores and order anew."""
    span = float(answer.scores.max() - answer.scores.min()) or 1.0
    moves = [
        _Move(rule, hit, span * (rule.amount if rule.kind == "boost" else -rule.amount))
        for rule in rules
        if (hit := _hit(answer.rows, rule, allowed, row_of)).any()
    ]
    scores = answer.scores + sum((move.amount * move.rows for move in moves), np.zeros(len(answer.rows)))
    beyond = np.arange(len(scores)) >= (answer.relevant or 0)
    order = np.lexsort((answer.rows, -scores, beyond))
    inner = answer.reasons

    def reasons(place: int) -> Reasons:
        found = inner(place)
        mine = [move for move in moves if move.rows[place]]
        parts = [Contribution(move.rule.kind, 1.0, 1.0, move.amount, move.amount) for move in mine]
        contributions = tuple(
            sorted((*found.contributions, *parts), key=lambda part: -abs(part.contribution))
        )
        return found._replace(
            contributions=contributions, rules=(*found.rules, *(applied(move.rule) for move in mine))
        )

    return replace(answer, scores=scores, reasons=reasons).only(order, answer.relevant)


def _hit(
    rows: Rows, rule: Rule, allowed: Allowed, row_of: Callable[[str], int | None]
) -> npt.NDArray[np.bool_]:
    if rule.target.startswith(IMAGE):
        return np.asarray(rows == row_of(rule.target.removeprefix(IMAGE)))
    try:
        mask = allowed(parse_query(rule.target).filters)
    except TusouError:  # a supplier that is gone, say: the rule has nothing to act on
        mask = None
    return np.zeros(len(rows), bool) if mask is None else np.asarray(mask[rows])


def _pinned(answer: Answer, pins: dict[Rule, int]) -> Answer:
    """Put each pinned row at its place; it counts as relevant, and may be one nothing recalled."""
    places = {int(row): place for place, row in enumerate(answer.rows)}
    order = [place for place, row in enumerate(answer.rows) if int(row) not in set(pins.values())]
    kept: list[tuple[int, Rule | None]] = [(place, None) for place in order]
    known = answer.relevant if answer.relevant is not None else len(answer.rows)
    relevant = known - sum(places.get(row, known) < known for row in pins.values())
    for (
        rule,
        row,
    ) in pins.items():  # never behind what is not relevant: the relevant images are the first ones
        kept.insert(min(rule.rank - 1, relevant), (places.get(row, -row - 1), rule))
        relevant += 1
    rows = np.array([answer.rows[place] if place >= 0 else -place - 1 for place, _ in kept], np.int64)
    scores = np.array([answer.scores[place] if place >= 0 else 0.0 for place, _ in kept])
    chances = answer.probabilities

    def reasons(place: int) -> Reasons:
        before, rule = kept[place]
        found = answer.reasons(before) if before >= 0 else Reasons(())
        if rule is None:
            return found
        return found._replace(sources=(*found.sources, "pin"), rules=(*found.rules, applied(rule)))

    def logged(shown: Sequence[int]) -> bytes | None:
        ranked = [kept[place][0] for place in shown]
        return answer.logged(ranked) if all(place >= 0 for place in ranked) else None

    return replace(
        answer,
        rows=rows,
        scores=scores,
        reasons=reasons,
        logged=logged,
        probabilities=None
        if chances is None
        else np.array([chances[place] if place >= 0 else np.nan for place, _ in kept]),
        relevant=None if answer.relevant is None else relevant,
    )


def applied(rule: Rule) -> AppliedRule:
    """What an explanation says of a rule."""
    return AppliedRule(rule.rule_id, rule.kind, rule.target, rule.until, rule.note)
