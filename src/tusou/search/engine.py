"""The query path: parse, encode, filter, recall, rank, and the page that shows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Self

import numpy as np

from tusou.catalog.library import Library
from tusou.catalog.model_roles import current_model
from tusou.encoders.base import Encoder, ScoringEncoder
from tusou.encoders.library_encoder import open_library_encoder
from tusou.errors import IndexStale, QueryError
from tusou.feedback.counts import BehaviorSource
from tusou.imaging.decode import decode as decode_image
from tusou.imaging.limits import Limits
from tusou.index.base import Index
from tusou.ingest.indexing import field_texts, open_index
from tusou.ranking.bank import ImageBank
from tusou.ranking.base import Ranker
from tusou.ranking.explain import matched_words
from tusou.ranking.features import FeatureTable, RankingQuery
from tusou.ranking.rules import Rule
from tusou.recall.fusion import Candidates
from tusou.search.answer import (
    Answer,
    browse,
    candidate_features,
    copies,
    every_live_row,
    rank,
    relevant_only,
)
from tusou.search.curate import moved, pinned, rules_for, with_synonyms
from tusou.search.dead_rows import DeadRows
from tusou.search.exploring import explored, generator
from tusou.search.filters import is_unfiltered
from tusou.search.followed_files import live_cutoff, live_ranker, live_rules
from tusou.search.parse import ParsedQuery, parse_query
from tusou.search.permitted import Agreements, RecordedAgreements, permitted_mask
from tusou.search.query_id import new_query_id
from tusou.search.query_image import Decode, QueryImage, check_region, read_query_image
from tusou.search.resolve import resolve_filters
from tusou.search.shared_lock import SharedLock
from tusou.search.sorting import sorted_answer
from tusou.search.stages import Stages
from tusou.search.variety import diverse, grouped
from tusou.text.analyze import Analyzer
from tusou.text.language import detect_language
from tusou.text.user_words import UserWords
from tusou.types import (
    Embeddings,
    Explanation,
    Filters,
    Hit,
    ImageRecord,
    Mask,
    Rows,
    SearchPage,
    SearchRequest,
)

FACETS = ("supplier", "license", "license_type", "orientation", "format", "color")
"""Facets of an answer, in the order they are shown."""

MAX_LIMIT = 100
"""Most results of one page."""

REFRESH_SECONDS = 0.25
"""Age from which a search first looks for changes of other processes."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request, understood."""

    request: SearchRequest
    parsed: ParsedQuery
    text_embedding: Embeddings | None
    picture: QueryImage | None
    rules: Sequence[Rule]


class SearchEngine:
    """Answers searches over one library with one model; safe to use from many threads.

    When the library is switched to another model, an engine goes on with what it has; a new one answers with
    the new model (server.model_watch does that).

    Attributes:
        library: Where images and their records come from.
        encoder: Both towers.
        index: Inverted and vector index.
        behavior: What people did with results; None when nothing is recorded.
        cutoff: Gives the cut-off in use.
        agreements: Gives the agreements with suppliers; images of those that ended are not found.
    """

    def __init__(
        self,
        library: Library,
        encoder: Encoder,
        index: Index,
        *,
        decode: Decode | None = None,
        ranker: Ranker | None = None,
        behavior: BehaviorSource | None = None,
    ) -> None:
        """Put an engine together from open parts; most callers want open().

        Args:
            library: Open library.
            encoder: The encoder whose embeddings the index holds.
            index: Open index; closed with the engine.
            decode: Turns a query picture into pixels; decodes in this process when None.
            ranker: Orders the candidates; the library's live ranker when None.
            behavior: What people did with results, for rankers that look at it.
        """
        self.library, self.encoder, self.index = library, encoder, index
        self._decode = decode or partial(decode_image, limits=Limits.from_config(library.config))
        given = ranker
        self._ranker: Callable[[], Ranker] = live_ranker(library.path) if given is None else lambda: given
        self.cutoff = live_cutoff(library.path, encoder.model_id, encoder.dim)
        self._rules = live_rules(library.path)
        self.behavior = behavior
        self.agreements: Agreements = RecordedAgreements(library.path)
        # a bundle's own network, which other encoders do not have
        self._scorer = encoder.score if isinstance(encoder, ScoringEncoder) and encoder.has_scorer else None
        self._words = UserWords(index.folder)
        self._lock = SharedLock()
        self._refreshing = Lock()
        self._refreshed = 0.0
        self._deletions = DeadRows(library.catalog)
        self._dead: Rows = np.empty(0, np.int64)
        self.refresh()

    @classmethod
    def open(cls, library: Library, encoder: Encoder | None = None, *, decode: Decode | None = None) -> Self:
        """Open the index of a library and make an engine.

        Args:
            library: Open library; it stays the caller's to close.
            encoder: Both towers; the bundle of the library's model when None.
            decode: See __init__.

        Raises:
            BundleError: The bundle is missing, incomplete or altered.
            IndexStale: The library uses another model.
            IndexCorrupt: The index is damaged.
        """
        before = current_model(library.catalog)
        opened = encoder or open_library_encoder(library)
        try:
            return cls(library, opened, open_index(library, opened), decode=decode)
        except IndexStale:
            if encoder is not None or current_model(library.catalog) == before:
                raise
            return cls.open(library, decode=decode)  # the library was switched in between

    @property
    def analyzer(self) -> Analyzer:
        """Segments queries, with the library's own words."""
        return self._words.analyzer

    def close(self) -> None:
        """Release the index; the library stays open."""
        self.index.close()

    def refresh(self) -> None:
        """See at once what other processes added, changed and deleted; searches do it by themselves."""
        with self._lock.writing():
            self.index.refresh()
            self._words.follow()
            self._dead = self._deletions.follow(self.index.watermark)
            self._refreshed = time.monotonic()

    def search(self, request: SearchRequest) -> SearchPage:
        """Answer one request.

        Raises:
            QueryError: The request cannot be understood; the message says what to change.
            DecodeError: The query picture cannot be decoded.
            ImageNotFound: No image has the id of the query picture.
        """
        stages = Stages()
        check_request(request)
        with stages("refresh"):
            self._refresh_when_due()
        asked = self._understand(request, stages)
        with self._lock.reading():
            with stages("mask"):
                mask = self._mask(asked)
            answer = self._answer(asked, mask, stages)
            with stages("facets"):
                counted = answer.rows[: answer.relevant or None]
                facets = self.index.facets(counted, FACETS) if request.facets else {}
        with stages("hydrate"):
            hits = self._hits(asked, answer)
        return SearchPage(
            query_id=new_query_id(),
            hits=hits,
            total=len(answer.rows),
            facets=facets,
            notes=_notes(asked, answer),
            timings=stages.milliseconds(),
            features=answer.logged([hit.rank - 1 for hit in hits]),
            relevant=answer.relevant,
            more_relevant=answer.more_relevant,
            explored={hit.rank: answer.explored[hit.rank] for hit in hits if hit.rank in answer.explored},
        )

    def candidates(
        self, request: SearchRequest, *, bank: ImageBank | None = None, without: Rows | None = None
    ) -> tuple[Candidates, FeatureTable]:
        """What the ranker sees of a request: candidates of both retrievers with their features.

        Args:
            request: What is searched.
            bank: What cosines are standardised over; that of the cut-off in use when None.
            without: Rows to leave out, as if they were not in the library.

        Raises:
            QueryError: The request cannot be understood.
        """
        check_request(request)
        asked = self._understand(request, Stages())
        with self._lock.reading():
            depth = self.library.config.recall_depth
            query, mask = self._ranking_query(asked), self._mask(asked)
            if without is not None and len(without):
                mask = every_live_row(self.index) if mask is None else mask
                mask[without] = False
            bank = bank or self._bank()
            return candidate_features(self.index, query, depth, mask, Stages(), self.behavior, bank)

    def _bank(self) -> ImageBank | None:
        cutoff = self.cutoff()
        return cutoff.bank if cutoff else None

    def _refresh_when_due(self) -> None:
        """Refresh when the last look is old enough; one thread does, the others go on."""
        if time.monotonic() - self._refreshed >= REFRESH_SECONDS and self._refreshing.acquire(blocking=False):
            try:
                self.refresh()
            finally:
                self._refreshing.release()

    def _understand(self, request: SearchRequest, stages: Stages) -> _Asked:
        with stages("parse"), self._lock.reading():
            rules = rules_for(self._rules())
            parsed = with_synonyms(parse_query(request.q, self._words.analyzer), rules, self._words.analyzer)
        with stages("encode"):
            picture = read_query_image(request, self.library, self.encoder, self._decode)
            embedding = None
            if parsed.text and request.mode == "similar":
                embedding = self.encoder.encode_texts([parsed.text])[0]
        return _Asked(request, parsed, embedding, picture, rules)

    def _mask(self, asked: _Asked) -> Mask | None:
        """Rows that may be found: filters of both sources, phrases and exclusions; None for all live rows."""
        parts = [self._filter_mask(asked.request.filters), self._filter_mask(asked.parsed.filters)]
        parts.append(self.index.text_mask(asked.parsed.text_query))
        parts.append(permitted_mask(self.index, self.agreements(), asked.request.use))
        given = [part for part in parts if part is not None]
        own = asked.picture.row if asked.picture else None
        if not given and own is None and not len(self._dead):
            return None
        mask = np.logical_and.reduce(given) if given else every_live_row(self.index)
        mask[self._dead[self._dead < len(mask)]] = False
        if own is not None and own < len(mask):
            mask[own] = False
        return mask

    def _ranking_query(self, asked: _Asked) -> RankingQuery:
        parsed = asked.parsed
        return RankingQuery(
            text=parsed.text_query,
            text_embedding=asked.text_embedding,
            image_embedding=asked.picture.embedding if asked.picture else None,
            image_weight=_image_weight(asked),
            words=parsed.text,
            phrase=parsed.phrase,
            lang=detect_language(parsed.text) if parsed.text else None,
            scorer=self._scorer,
        )

    def _filter_mask(self, filters: Filters) -> Mask | None:
        if is_unfiltered(filters):
            return None
        return self.index.mask(resolve_filters(filters, self.library.catalog, self._license_codes))

    def _license_codes(self) -> list[str]:
        return [code for code, _ in self.index.facets(None, ["license"])["license"]]

    def _answer(self, asked: _Asked, mask: Mask | None, stages: Stages) -> Answer:
        request, depth = asked.request, self.library.config.recall_depth
        if request.mode == "same" and asked.picture is not None:
            with stages("copies"):
                equal = self._equal_rows(asked.picture)
                return copies(self.index, asked.picture, equal, mask)
        if not asked.parsed.text and asked.picture is None:
            with stages("browse"):
                return self._in_order(request, browse(self.index, mask))
        answer = rank(
            self.index,
            self._ranking_query(asked),
            self._ranker(),
            depth,
            mask,
            stages,
            self.behavior,
            self.cutoff(),
        )
        with stages("arrange"):
            answer = self._arranged(asked, mask, answer)
        if request.sort != "relevance":
            return self._in_order(request, answer)
        return relevant_only(answer) if request.relevant_only else answer

    def _in_order(self, request: SearchRequest, answer: Answer) -> Answer:
        """Another order, if one was asked for."""
        if request.sort == "relevance":
            return answer
        return sorted_answer(answer, request.sort, self.index, self.behavior)

    def _arranged(self, asked: _Asked, mask: Mask | None, answer: Answer) -> Answer:
        """Manager's rules, copies behind one another, sources mixed; in other orders only copies matter.

        Pins are for words alone, not for a picture beside them.
        """
        request, rules, words = asked.request, asked.rules, asked.parsed.text
        reordered, records = request.sort != "relevance", self.library.catalog.get_rows
        if rules and not reordered:
            answer = moved(answer, rules, words, self._filter_mask, self._row_of)
        if request.group_copies:
            answer = grouped(answer, self.index, records)
        if reordered:
            return answer
        wanted = self.library.config.diversity if request.diversity is None else request.diversity
        answer = diverse(answer, wanted, records)
        pins = asked.picture is None and any(rule.kind == "pin" and rule.is_for(words) for rule in rules)
        if pins:
            return pinned(answer, rules, words, self._allowed(mask), self._row_of)
        return self._explored(asked, answer)

    def _explored(self, asked: _Asked, answer: Answer) -> Answer:
        """Give unseen images a chance in some searches by words; where a manager pinned, chance stays out."""
        share, words = self.library.config.exploration, asked.parsed.text
        if share <= 0 or self.behavior is None or asked.picture is not None or not words:
            return answer
        same = replace(asked.request, offset=0, limit=1, explain=False, facets=False, lang="auto")
        rng = generator(repr(same), time.time(), self.library.path.name)
        return explored(answer, words, self.behavior, rng) if rng.random() < share else answer

    def _allowed(self, mask: Mask | None) -> Mask:
        return every_live_row(self.index) if mask is None else mask

    def _row_of(self, image_id: str) -> int | None:
        record = self.library.catalog.get_many([image_id]).get(image_id)
        return None if record is None else record.row

    def _equal_rows(self, picture: QueryImage) -> list[int]:
        if not picture.sha256:
            return []
        return [record.row for record in self.library.catalog.with_sha256(picture.sha256)]

    def _hits(self, asked: _Asked, answer: Answer) -> tuple[Hit, ...]:
        request = asked.request
        places = range(request.offset, min(request.offset + request.limit, len(answer.rows)))
        rows = [int(answer.rows[place]) for place in places]
        behind = [copy for row in rows for copy in answer.behind.get(row, ())]
        records = self.library.catalog.get_rows([*rows, *behind])
        shown = ((place, records.get(int(answer.rows[place]))) for place in places)
        return tuple(
            Hit(
                image=record,
                rank=place + 1,
                score=float(answer.scores[place]),
                explanation=self._explain(asked, answer, place, record) if request.explain else None,
                probability=_probability(answer, place),
                copies=tuple(
                    records[copy].image_id for copy in answer.behind.get(record.row, ()) if copy in records
                ),
            )
            for place, record in shown
            if record is not None
        )

    def _explain(self, asked: _Asked, answer: Answer, place: int, record: ImageRecord) -> Explanation:
        reasons = answer.reasons(place)
        matches = matched_words(asked.parsed.terms, field_texts(record), self._words.analyzer)
        return Explanation(reasons.sources, matches, reasons.contributions, reasons.percentile, reasons.rules)


def _probability(answer: Answer, place: int) -> float | None:
    """That the image is relevant; unknown also of a pinned image that nothing recalled."""
    found = np.nan if answer.probabilities is None else float(answer.probabilities[place])
    return None if np.isnan(found) else found


def check_request(request: SearchRequest) -> None:
    """Refuse what no search can answer.

    Raises:
        QueryError: Page, weight, diversity, picture or region are out of range or contradict each other.
    """
    if not 1 <= request.limit <= MAX_LIMIT or request.offset < 0:
        raise QueryError(
            f"a page starts at 0 or later and holds 1 to {MAX_LIMIT} results; "
            f"got offset {request.offset}, limit {request.limit}",
            reason="bad_page",
        )
    if request.diversity is not None and not 0 <= request.diversity <= 1:
        raise QueryError(
            f"diversity must lie between 0 and 1, got {request.diversity}", reason="bad_diversity"
        )
    if not 0 <= request.image_weight <= 1:
        raise QueryError(
            f"image_weight must lie between 0 and 1, got {request.image_weight}", reason="bad_image_weight"
        )
    pictures = (request.image is not None) + (request.image_id is not None)
    if pictures > 1:
        raise QueryError("give a picture or the id of one, not both", reason="two_pictures")
    if not pictures and (request.mode == "same" or request.region is not None):
        raise QueryError("mode=same and region need a query picture", reason="no_picture")
    if request.region is not None:
        check_region(request.region)


def _image_weight(asked: _Asked) -> float:
    """Share of the picture in what is asked."""
    if asked.picture is None:
        return 0.0
    return asked.request.image_weight if asked.parsed.text else 1.0


def _notes(asked: _Asked, answer: Answer) -> tuple[str, ...]:
    """Codes of what was done to the query; with a picture, a query without words needs no remark."""
    unknown = ("relevance_unknown",) if asked.request.relevant_only and answer.relevant is None else ()
    if asked.picture is None:
        nothing = ("nothing_matches",) if answer.relevant == 0 and len(answer.rows) else ()
        return (*asked.parsed.notes, *nothing, *unknown)
    notes = [
        note for note in asked.parsed.notes if note not in ("empty_query", "filters_only", "exclusions_only")
    ]
    if asked.request.mode == "same" and asked.parsed.text:
        notes.append("words_ignored")
    return (*notes, *unknown)
