"""Inverted index over the pre-tokenised fields, kept by tantivy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import tantivy
from tantivy import FieldType, Occur, Query

from tusou.errors import IndexCorrupt, StorageFull, VectorIndexError
from tusou.index.base import FIELDS, FieldTokens, ScoredRows, TextClause, TextQuery
from tusou.index.manifest import REBUILD
from tusou.index.text_files import text_opstamp, text_problems
from tusou.index.token_rows import FIELD_WEIGHTS, WeightedTerm
from tusou.types import Rows

KINDS = ("words", "grams")
WRITER_BYTES = 64 * 1024 * 1024
"""Memory of the writer before it spills a segment."""

_SEPARATORS = str.maketrans(dict.fromkeys(range(9, 14), "_") | {32: "_"})


def channel_name(field: str, kind: int) -> str:
    """Name of a tantivy field: words or grams of one of FIELDS."""
    return f"{field}_{KINDS[kind]}"


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", indexed=True, fast=True)
    for field in FIELDS:
        for kind in range(len(KINDS)):
            # "whitespace" splits at ASCII white space only: tokens joined by a blank come back verbatim
            builder.add_text_field(channel_name(field, kind), tokenizer_name="whitespace")
    return builder.build()


def _verbatim(token: str) -> str:
    """A token without the white space that would split it."""
    return token.translate(_SEPARATORS)


class TextReader:
    """One commit of the inverted index; immutable.

    Args:
        index: The open tantivy index.
    """

    def __init__(self, index: tantivy.Index) -> None:
        self._schema, self._searcher = index.schema, index.searcher()

    def frequencies(self, terms: Sequence[WeightedTerm]) -> dict[WeightedTerm, list[int]]:
        """Documents that hold each term, per field; deleted ones count until they are merged away."""
        return {
            term: [self._searcher.doc_freq(channel_name(f, term.kind), _verbatim(term.token)) for f in FIELDS]
            for term in terms
        }

    def search(self, terms: Sequence[WeightedTerm], query: TextQuery, limit: int) -> ScoredRows:
        """Best rows by the weighted sum of BM25 over fields that satisfy must and must_not."""
        parts = [
            (Occur.Should, Query.boost_query(self._term(field, term), term.weight * FIELD_WEIGHTS[field]))
            for term in terms
            for field in FIELDS
        ]
        parts += [(Occur.Must, self._matching(clause)) for clause in query.must]
        parts += [(Occur.MustNot, self._matching(clause)) for clause in query.must_not]
        return self._top(Query.boolean_query(parts), limit)

    def matching(self, clause: TextClause) -> Rows:
        """Every row that matches a clause."""
        return self._top(self._matching(clause), max(self._searcher.num_docs, 1)).rows

    def _term(self, field: str, term: WeightedTerm) -> Query:
        name = channel_name(field, term.kind)
        return Query.term_query(self._schema, name, _verbatim(term.token), index_option="freq")

    def _matching(self, clause: TextClause) -> Query:
        """A field matches a phrase by all its kinds of tokens, any other clause by either kind."""
        together = Occur.Must if clause.phrase else Occur.Should
        channels = [(kind, tokens) for kind, tokens in enumerate((clause.words, clause.grams)) if tokens]
        if not channels:
            return Query.empty_query()
        fields = []
        for field in FIELDS:
            kinds = [
                (together, self._all_of(channel_name(field, kind), tokens, phrase=clause.phrase))
                for kind, tokens in channels
            ]
            fields.append((Occur.Should, Query.boolean_query(kinds)))
        return Query.const_score_query(Query.boolean_query(fields), 0.0)

    def _all_of(self, name: str, tokens: Sequence[str], *, phrase: bool) -> Query:
        kept = [_verbatim(token) for token in tokens]
        if phrase and len(kept) > 1:
            return Query.phrase_query(self._schema, name, list(kept))
        return Query.boolean_query(
            [(Occur.Must, Query.term_query(self._schema, name, token)) for token in kept]
        )

    def _top(self, query: Query, limit: int) -> ScoredRows:
        hits = self._searcher.search(query, limit, count=False).hits
        scores = np.array([score for score, _ in hits], np.float32)
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return ScoredRows(np.array(rows, np.int64), scores)


class TextIndex:
    """The inverted index in its folder.

    Args:
        folder: tantivy's own folder; made when nothing was committed yet.
        opstamp: Number of the commit that must at least be there; 0 for none.
        rows: Rows of that commit; a writer takes out documents of later ones, left by a crash between
            this index' commit and the manifest.
        writer: Open for writing.

    Raises:
        IndexCorrupt: Files are missing, damaged or older than the opstamp.
    """

    def __init__(self, folder: Path, opstamp: int, rows: int, *, writer: bool) -> None:
        self._folder = folder
        self._index = _open(folder, opstamp) if opstamp else _create(folder)
        self._index.config_reader("manual")
        self._writer = self._index.writer(WRITER_BYTES, 1) if writer else None
        if writer and text_opstamp(folder) != opstamp:
            later = Query.range_query(self._index.schema, "row", FieldType.Unsigned, lower_bound=rows)
            self._writing().delete_documents_by_query(later)

    def reader(self) -> TextReader:
        """The last commit on disk."""
        try:
            self._index.reload()
        except ValueError as error:
            raise IndexCorrupt(f"{self._folder}: {error}; {REBUILD}") from error
        return TextReader(self._index)

    def problems(self) -> Iterator[str]:
        """Compare every file with its checksum; when all are sound, see whether tantivy opens them."""
        damaged = list(text_problems(self._folder))
        yield from damaged
        try:
            if not damaged:
                _open(self._folder, 0)
        except IndexCorrupt as error:
            yield str(error)

    def put(self, row: int, fields: Mapping[str, FieldTokens], *, replace: bool) -> None:
        """Add a row's tokens, taking out those it had before."""
        if replace:
            self.delete(row)
        document = tantivy.Document()
        document.add_unsigned("row", row)
        for field, tokens in fields.items():
            for kind, kept in enumerate((tokens.words, tokens.grams)):
                if kept:
                    document.add_text(channel_name(field, kind), " ".join(map(_verbatim, kept)))
        self._writing().add_document(document)

    def delete(self, row: int) -> None:
        """Take a row out."""
        # delete_documents_by_term takes a Python int for a signed term and finds nothing in this field.
        self._writing().delete_documents_by_query(Query.term_query(self._index.schema, "row", row))

    def commit(self) -> int:
        """Make changes durable; the number to keep in the manifest.

        Raises:
            StorageFull: The disk has no room.
        """
        try:
            return self._writing().commit()
        except ValueError as error:  # tantivy wraps every I/O error in this class
            if "No space left" in str(error):
                raise StorageFull(
                    "the disk has no room for the inverted index; free some and go on"
                ) from error
            raise

    def close(self) -> None:
        """Drop uncommitted changes and let the folder go."""
        if self._writer is not None:
            self._writer.rollback()
            self._writer.wait_merging_threads()
            self._writer = None

    def _writing(self) -> tantivy.IndexWriter:
        if self._writer is None:
            raise VectorIndexError("the index was opened for reading; open it with writer=True")
        return self._writer


def _create(folder: Path) -> tantivy.Index:
    folder.mkdir(exist_ok=True)
    return tantivy.Index(_schema(), str(folder))


def _open(folder: Path, opstamp: int) -> tantivy.Index:
    for problem in text_problems(folder):
        raise IndexCorrupt(problem)
    if text_opstamp(folder) < opstamp:
        raise IndexCorrupt(f"{folder}: older than the manifest says; {REBUILD}")
    try:
        return tantivy.Index.open(str(folder))
    except ValueError as error:  # tantivy's class for everything a file does not say as it should
        raise IndexCorrupt(f"{folder}: {error}; {REBUILD}") from error
