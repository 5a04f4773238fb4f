"""One box: words, "phrases", -exclusions and typed filters, from the text as typed to a ParsedQuery."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tusou.errors import QueryError
from tusou.index.base import TextClause, TextQuery
from tusou.search.filters import is_filter_name, is_unfiltered, parse_filters
from tusou.search.lexer import Lexeme, Lexer
from tusou.text.analyze import Analyzer, Term, default_analyzer
from tusou.text.normalize import normalize
from tusou.types import Filters

MAX_CHARACTERS = 512
MAX_TERMS = 32
"""Words that are looked up in the inverted index; a longer text is still read whole by the encoder."""


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """What a query asks for.

    Attributes:
        text: Wanted words and phrases, normalised, for the encoder; empty when there are none.
        terms: Words to look up, in order, without repeats.
        phrases: Phrases that must occur, as typed.
        text_query: Terms, phrases and exclusions for the inverted index.
        filters: Typed filters, values as typed where the library decides what exists.
        notes: Codes of what was done to the query.
        phrase: The wanted words next to each other in order; None when there are none.
    """

    text: str
    terms: tuple[Term, ...]
    phrases: tuple[str, ...]
    text_query: TextQuery
    filters: Filters
    notes: tuple[str, ...]
    phrase: TextClause | None = None


def parse_query(query: str, analyzer: Analyzer | None = None) -> ParsedQuery:
    """Read a query as typed.

    Notes: ``unclosed_quote``, ``only_stop_words`` (kept, since nothing else is left), ``no_words`` (text
    without a word, such as emoji: by meaning only), ``too_many_words`` (the first MAX_TERMS are looked up),
    ``empty_query``, ``filters_only``, ``exclusions_only``.

    Raises:
        QueryError: Too long, or a filter that cannot be understood.
    """
    if len(query) > MAX_CHARACTERS:
        raise QueryError(
            f"the query has {len(query)} characters, at most {MAX_CHARACTERS} are read; shorten it",
            reason="query_too_long",
        )
    analyzer = analyzer or default_analyzer()
    lexemes = Lexer(query, is_filter_name).read()
    filters = parse_filters([piece for piece in lexemes.pieces if piece.kind == "filter"])
    words = [piece for piece in lexemes.pieces if piece.kind != "filter"]
    wanted = [piece for piece in words if not piece.negated]
    text = normalize(" ".join(piece.text for piece in wanted))
    found = _distinct(term for piece in wanted for term in analyzer.terms(piece.text))
    terms = [term for term in found if not term.is_stop_word] or found
    phrases = [piece for piece in wanted if piece.kind == "phrase"]
    must = _clauses(phrases, analyzer, weight=0.0)
    must_not = _clauses((piece for piece in words if piece.negated), analyzer)
    notes = ["unclosed_quote"] if lexemes.unclosed_quote else []
    notes += _notes(text, terms, excluded=bool(must_not), filtered=not is_unfiltered(filters))
    return ParsedQuery(
        text=text,
        terms=tuple(terms[:MAX_TERMS]),
        phrases=tuple(piece.text for piece in phrases),
        text_query=TextQuery(tuple(map(_scoring_clause, terms[:MAX_TERMS])), must, must_not),
        filters=filters,
        notes=tuple(notes),
        phrase=_phrase(text, analyzer),
    )


def _phrase(text: str, analyzer: Analyzer) -> TextClause | None:
    tokens = analyzer.phrase(text)
    if not (tokens.words or tokens.grams):
        return None
    return TextClause(words=tokens.words, grams=tokens.grams, phrase=True)


def _distinct(terms: Iterable[Term]) -> list[Term]:
    """The first of all terms with the same tokens (``car`` of ``car cars``)."""
    return list({(term.words, term.grams): term for term in reversed(list(terms))}.values())[::-1]


def _scoring_clause(term: Term) -> TextClause:
    return TextClause(words=term.words, grams=term.grams)


def _clauses(pieces: Iterable[Lexeme], analyzer: Analyzer, weight: float = 1.0) -> tuple[TextClause, ...]:
    """Phrase clauses; a wanted phrase scores through its terms, so as a condition it weighs nothing."""
    tokens = [analyzer.phrase(piece.text) for piece in pieces]
    return tuple(
        TextClause(words=each.words, grams=each.grams, phrase=True, weight=weight)
        for each in tokens
        if each.words or each.grams
    )


def _notes(text: str, terms: Sequence[Term], *, excluded: bool, filtered: bool) -> list[str]:
    if not text:
        return ["exclusions_only" if excluded else "filters_only" if filtered else "empty_query"]
    if not terms:
        return ["no_words"]
    if all(term.is_stop_word for term in terms):
        return ["only_stop_words"]
    return ["too_many_words"] if len(terms) > MAX_TERMS else []
