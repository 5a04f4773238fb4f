"""What a running server holds: made when the app starts, closed when it stops, never a global."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, ParamSpec, Self, TypeVar

import anyio
import anyio.to_thread
from fastapi import Depends, Request

from tusou.catalog.library import Library
from tusou.encoders.base import Encoder
from tusou.feedback.live_clicks import LiveClicks
from tusou.feedback.log import EventLog
from tusou.feedback.store import FILE_NAME
from tusou.ingest.fetch import FetchLimits, fetch
from tusou.office.accounts import Accounts
from tusou.office.collections import Collections
from tusou.office.replays import Replays
from tusou.office.rights import Rights
from tusou.office.searches import SavedSearches
from tusou.office.store import Office
from tusou.office.submissions import Submissions
from tusou.search.engine import SearchEngine
from tusou.search.live_suggestions import LiveSuggestions
from tusou.server.home import Home
from tusou.server.metrics import Metrics
from tusou.server.model_watch import ModelWatch
from tusou.server.rate_limit import RateLimit
from tusou.server.sign_ins import SignInLimit
from tusou.server.uploads import Uploads
from tusou.server.workers import PictureWorkers
from tusou.types import SearchPage, SearchRequest, Supplier

P = ParamSpec("P")
T = TypeVar("T")

ACCOUNT_SECONDS = 1.0
WARM_UP = "雪山 snow mountain"


class ServerState:
    """The library, the engine and the workers behind one app.

    Attributes:
        library: The open library.
        engine: Searches it; replaced as a whole when the library is switched to another model, so a request
            that asked for it once is answered by one model.
        metrics: What Prometheus reads.
        workers: Processes that decode pictures from outside.
        home: What the empty page offers.
        feedback: The event log; None when the library's setting turns it off.
        clicks: Its counts, which the ranker looks at; None without the log.
        suggestions: What is offered while somebody types.
        office: Collections, rights and the audit of the library.
        collections: The office's collections.
        searches: The office's saved searches.
        submissions: The office's submissions.
        uploads: Files that wait to be let in.
        rights: The office's agreements, grants and downloads.
        accounts: The office's people, keys and sessions.
        sign_ins: Counts failed sign-ins.
        rates: Counts requests of each account.
        replays: Answers to requests that may be sent again.
        ready: False while starting and from the moment the server is told to stop.
    """

    def __init__(self, library: Library, engine: SearchEngine, workers: PictureWorkers) -> None:
        """Hold parts that are open and open the event log; they are closed together."""
        self.library = library
        self.engine = engine
        self.workers = workers
        self.metrics = Metrics()
        self.home = Home()
        self.feedback = self._open_feedback()
        self.clicks = self._follow_clicks()
        self.office = Office(library.path)
        self.collections = Collections(self.office)
        self.searches = SavedSearches(self.office)
        self.submissions = Submissions(self.office)
        self.uploads = Uploads(library.path)
        self.rights = Rights(self.office)
        self.suggestions = LiveSuggestions(library.catalog, library.path, self.rights.withheld)
        self.accounts = Accounts(self.office)
        self.sign_ins = SignInLimit()
        self.rates = RateLimit(library.config.rate_per_minute)
        self.replays = Replays(self.office)
        self._accounts_asked: tuple[float, bool] = (0.0, False)
        self.ready = False
        self._watch = ModelWatch(library, lambda: self.engine.encoder.model_id, self._reopen)
        # Searches are bound by the processor: more threads than cores only make each of them slower.
        self._limiter = anyio.CapacityLimiter(library.config.worker_count)

    @classmethod
    def open(cls, path: Path, encoder: Encoder | None = None) -> Self:
        """Open library and engine, and run both towers' first query here instead of in front of somebody.

        Args:
            path: The library folder.
            encoder: Both towers; the bundle of the library's model when None.

        Raises:
            TusouError: The library, its index or the model bundle cannot be used.
        """
        library = Library.open(path)
        workers = PictureWorkers(library.config)
        try:
            engine = SearchEngine.open(library, encoder, decode=workers.decode)
            state = cls(library, engine, workers)
        except BaseException:
            workers.close()
            library.close()
            raise
        state._answer_with(engine)
        state.ready = True
        state._watch.start()
        state.suggestions.start()
        return state

    def close(self) -> None:
        """Release everything."""
        self.ready = False
        self._watch.stop()
        self.suggestions.close()
        self.office.close()
        if self.clicks is not None:
            self.clicks.close()
        if self.feedback is not None:
            self.feedback.close()
        self.workers.close()
        self.engine.close()
        self.library.close()

    def has_accounts(self) -> bool:
        """Whether anybody has an account; asked anew each second, since another process may add one."""
        asked_at, found = self._accounts_asked
        now = time.monotonic()
        if not asked_at or now > asked_at + ACCOUNT_SECONDS:
            found = self.accounts.exist()
            self._accounts_asked = (now, found)
        return found

    def forget_accounts(self) -> None:
        """Ask anew at once."""
        self._accounts_asked = (0.0, False)

    def _open_feedback(self) -> EventLog | None:
        config = self.library.config
        if not config.feedback:
            return None
        path = self.library.path / FILE_NAME
        return EventLog(path, retention_days=config.feedback_days, count=self.metrics.count_feedback)

    def _follow_clicks(self) -> LiveClicks | None:
        """The counts of the event log, for the ranker."""
        if self.feedback is None:
            return None
        clicks = LiveClicks(self.library.path / FILE_NAME, self.library.catalog.rows_of)
        clicks.start()
        return clicks

    def _reopen(self) -> None:
        """Open the library's new model beside the old one, then answer with it.

        Requests under way keep the old engine; it is let go with the last of them.
        """
        self._answer_with(SearchEngine.open(self.library, decode=self.workers.decode))

    def _answer_with(self, engine: SearchEngine) -> None:
        engine.behavior = self.clicks
        engine.agreements = self.rights.agreements
        engine.search(SearchRequest(q=WARM_UP, limit=1))
        self.metrics.model.clear()
        self.metrics.model.labels(engine.encoder.model_id).set(1)
        self.engine = engine

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work in a thread, so that the event loop goes on."""
        return await anyio.to_thread.run_sync(partial(work, *args, **kwargs), limiter=self._limiter)

    async def search(self, request: SearchRequest) -> SearchPage:
        """Search in a thread and count the stages."""
        page = await self.run(self.engine.search, request)
        self.metrics.observe_stages(page.timings)
        return page

    def fetch(self, url: str) -> bytes:
        """Download a query picture through the guarded fetcher.

        Raises:
            FetchError: The address is refused or cannot be downloaded.
        """
        config = self.library.config
        limits = FetchLimits(config.max_upload_bytes, config.fetch_seconds, config.fetch_redirects)
        return fetch(url, limits).data

    def suppliers(self) -> dict[str, Supplier]:
        """Every supplier by name."""
        return {supplier.name: supplier for supplier in self.library.catalog.suppliers()}


def state_of(request: Request) -> ServerState:
    """The state of the app a request came to."""
    state: ServerState = request.app.state.tusou
    return state


State = Annotated[ServerState, Depends(state_of)]
