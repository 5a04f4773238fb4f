"""Inverted index over the pre-tokenised fields, kept by tantivy."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from tantivy import Occur, Query

from tusou.errors import IndexCorrupt, VectorIndexError
from tusou.index.base import FIELDS, FieldTokens, ScoredRows, TextClause, TextQuery
from tusou.index.manifest import REBUILD
from tusou.index.token_rows import FIELD_WEIGHTS, WeightedTerm
from tusou.types import Rows

KINDS = ("words", "grams")
WRITER_BYTES = 64 * 1024 * 1024
"""Memory of the writer before it spills a segment."""

_SEPARATORS = str.maketrans(dict.fromkeys(range(9, 14), "_") | {32: "_"})
_FOOTER = struct.Struct("<II")
_FOOTER_MAGIC = 1337


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


class TextIndex:
    """The inverted index in its folder; a reader sees the commit it last reloaded.

    Args:
        folder: tantivy's own folder; made when missing and writing.
        opstamp: Number of the commit that must at least be there.
        writer: Open for writing.

    Raises:
        IndexCorrupt: Files are missing, damaged or older than the opstamp.
    """

    def __init__(self, folder: Path, opstamp: int, *, writer: bool) -> None:
        self._folder = folder
        if not (folder / "meta.json").exists() and opstamp == 0:
            folder.mkdir(exist_ok=True)
            self._index = tantivy.Index(_schema(), str(folder))
        else:
            self._check(opstamp)
            self._index = tantivy.Index.open(str(folder))
        self._index.config_reader("manual")
        self._index.reload()
        self._searcher = self._index.searcher()
        self._schema = self._index.schema
        self._writer = self._index.writer(WRITER_BYTES, 1) if writer else None

    def _check(self, opstamp: int) -> None:
        problems = list(self.problems())
        if problems:
            raise IndexCorrupt(problems[0])
        if _read_meta(self._folder)["opstamp"] < opstamp:
            raise IndexCorrupt(f"{self._folder}: older than the manifest says; {REBUILD}")

    def put(self, row: int, fields: Mapping[str, FieldTokens], *, replace: bool) -> None:
        """Add a row's tokens, taking out those it had before; seen after commit() and reload()."""
        if replace:
            self.delete(row)
        document = tantivy.Document()
        document.add_unsigned("row", row)
        for field, tokens in fields.items():
            for kind, kept in enumerate((tokens.words, tokens.grams)):
                if kept:
                    text = " ".join(token.translate(_SEPARATORS) for token in kept)
                    document.add_text(channel_name(field, kind), text)
        self._writing().add_document(document)

    def delete(self, row: int) -> None:
        """Take a row out; seen after commit() and reload()."""
        self._writing().delete_documents_by_term("row", row)

    def commit(self) -> int:
        """Make changes durable; the number to keep in the manifest."""
        return self._writing().commit()

    def reload(self) -> None:
        """See the last commit."""
        self._index.reload()
        self._searcher = self._index.searcher()

    def close(self) -> None:
        """Drop uncommitted changes and let the folder go."""
        if self._writer is not None:
            self._writer.rollback()
            self._writer.wait_merging_threads()
            self._writer = None

    @property
    def documents(self) -> int:
        """Live documents."""
        return self._searcher.num_docs

    def frequencies(self, terms: Sequence[WeightedTerm]) -> dict[WeightedTerm, list[int]]:
        """Documents that hold each term, per field."""
        return {
            term: [self._searcher.doc_freq(channel_name(f, term.kind), _safe(term.token)) for f in FIELDS]
            for term in terms
        }

    def search(self, terms: Sequence[WeightedTerm], query: TextQuery, limit: int) -> ScoredRows:
        """Best rows by the weighted sum of BM25 over fields that satisfy must and must_not."""
        should = [
            (Occur.Should, Query.boost_query(self._term(field, term), term.weight * FIELD_WEIGHTS[field]))
            for term in terms
            for field in FIELDS
        ]
        required = [(Occur.Must, self._constant(clause)) for clause in query.must]
        excluded = [(Occur.MustNot, self._clause(clause)) for clause in query.must_not]
        if not required:  # one of the terms at least must be there
            return self._top(Query.boolean_query([*should, *excluded]), limit)
        return self._top(Query.boolean_query([*should, *required, *excluded]), limit)

    def matching(self, clause: TextClause) -> Rows:
        """Every row that matches a clause."""
        if not (clause.words or clause.grams):
            return np.empty(0, np.int64)
        return self._top(self._constant(clause), max(self.documents, 1)).rows

    def _term(self, field: str, term: WeightedTerm) -> Query:
        name = channel_name(field, term.kind)
        return Query.term_query(self._schema, name, _safe(term.token), index_option="freq")

    def _constant(self, clause: TextClause) -> Query:
        return Query.const_score_query(self._clause(clause), 0.0)

    def _clause(self, clause: TextClause) -> Query:
        """A clause is matched by a field: a phrase by all its kinds of tokens, others by either kind."""
        together = Occur.Must if clause.phrase else Occur.Should
        fields = []
        for field in FIELDS:
            kinds = [
                (together, self._all_of(channel_name(field, kind), tokens, phrase=clause.phrase))
                for kind, tokens in enumerate((clause.words, clause.grams))
                if tokens
            ]
            fields.append((Occur.Should, Query.boolean_query(kinds)))
        return Query.boolean_query(fields)

    def _all_of(self, name: str, tokens: Sequence[str], *, phrase: bool) -> Query:
        safe = [_safe(token) for token in tokens]
        if phrase and len(safe) > 1:
            return Query.phrase_query(self._schema, name, list(safe))
        terms = (Query.term_query(self._schema, name, token) for token in safe)
        return Query.boolean_query([(Occur.Must, term) for term in terms])

    def _top(self, query: Query, limit: int) -> ScoredRows:
        hits = self._searcher.search(query, limit, count=False).hits
        scores = np.array([score for score, _ in hits], np.float32)
        rows = self._searcher.fast_field_values("row", [address for _, address in hits])
        return ScoredRows(np.array(rows, np.int64), scores)

    def _writing(self) -> tantivy.IndexWriter:
        if self._writer is None:
            raise VectorIndexError("the index was opened for reading; open it with writer=True")
        return self._writer

    def problems(self) -> Iterator[str]:
        """Compare every file of the last commit with the checksum tantivy keeps at its end."""
        try:
            meta = _read_meta(self._folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            yield f"{self._folder / 'meta.json'}: not readable ({error}); {REBUILD}"
            return
        for segment in meta["segments"]:
            stem = segment["segment_id"].replace("-", "")
            suffixes = ["store", "idx", "pos", "term", "fast", "fieldnorm"]
            if segment["deletes"]:
                suffixes.append(f"{segment['deletes']['opstamp']}.del")
            for suffix in suffixes:
                path = self._folder / f"{stem}.{suffix}"
                if not _is_sound(path):
                    yield f"{path}: missing or damaged; {REBUILD}"


def _safe(token: str) -> str:
    return token.translate(_SEPARATORS)


def _read_meta(folder: Path) -> dict[str, Any]:
    meta: dict[str, Any] = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    return meta


def _is_sound(path: Path) -> bool:
    """Every file of tantivy ends with JSON that holds the CRC-32 of the body, its length, a magic number."""
    try:
        data = path.read_bytes()
        length, magic = _FOOTER.unpack(data[-_FOOTER.size :])
        footer = json.loads(data[-_FOOTER.size - length : -_FOOTER.size])
        body = memoryview(data)[: -_FOOTER.size - length]
        return bool(magic == _FOOTER_MAGIC and zlib.crc32(body) == footer["crc"])
    except (OSError, ValueError, KeyError, struct.error):
        return False
