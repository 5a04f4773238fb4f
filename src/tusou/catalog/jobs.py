"""The log of ingest jobs and what they refused."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, func, insert, select, update

from tusou.catalog.catalog import Catalog
from tusou.catalog.records import Job, Refusal
from tusou.catalog.schema import jobs, refusals
from tusou.errors import CatalogError


class JobLog:
    """Ingest jobs, newest last. Progress is written by Catalog.apply, with the images it is about."""

    def __init__(self, catalog: Catalog) -> None:
        self._engine = catalog.engine

    def start(self, source: str, supplier: str) -> int:
        """Enter a new running job; returns its number."""
        values = {"source": source, "supplier": supplier, "state": "running", "started": time.time()}
        with self._engine.begin() as connection:
            result = connection.execute(insert(jobs).values(**values, counts="{}"))
            return int(result.lastrowid)

    def finish(self, job_id: int, state: Literal["done", "interrupted", "failed"]) -> None:
        """Close a job."""
        with self._engine.begin() as connection:
            change = update(jobs).where(jobs.c.job_id == job_id)
            connection.execute(change.values(state=state, finished=time.time()))

    def close_abandoned(self) -> int:
        """Mark jobs whose process is gone (the caller holds the writer lock); returns how many."""
        with self._engine.begin() as connection:
            change = update(jobs).where(jobs.c.state == "running")
            return connection.execute(change.values(state="interrupted")).rowcount

    def get(self, job_id: int) -> Job:
        """One job.

        Raises:
            CatalogError: No job has this number.
        """
        with self._engine.connect() as connection:
            row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).mappings().first()
        if row is None:
            raise CatalogError(f"no job {job_id}; `tusou jobs` lists them", reason="job_not_found")
        return _job(row)

    def latest(self, limit: int = 20) -> list[Job]:
        """The newest jobs, newest first."""
        query = select(jobs).order_by(jobs.c.job_id.desc()).limit(limit)
        with self._engine.connect() as connection:
            return [_job(row) for row in connection.execute(query).mappings()]

    def refusals(self, job_id: int, limit: int = -1) -> list[Refusal]:
        """What a job refused, in order; all when limit is negative."""
        c = refusals.c
        query = select(c.path, c.reason, c.message, c.item_id, c.line)
        query = query.where(c.job_id == job_id).order_by(c.refusal_id).limit(limit)
        with self._engine.connect() as connection:
            return [Refusal(*row) for row in connection.execute(query)]

    def refusal_reasons(self, job_id: int) -> dict[str, int]:
        """Refusals of a job per reason, most frequent first."""
        count = func.count()
        query = select(refusals.c.reason, count).where(refusals.c.job_id == job_id)
        query = query.group_by(refusals.c.reason).order_by(count.desc(), refusals.c.reason)
        with self._engine.connect() as connection:
            return dict(connection.execute(query).all())


def _job(row: RowMapping | dict[str, Any]) -> Job:
    finished = row["finished"]
    return Job(
        job_id=row["job_id"],
        source=row["source"],
        supplier=row["supplier"],
        state=row["state"],
        started=datetime.fromtimestamp(row["started"], UTC),
        finished=None if finished is None else datetime.fromtimestamp(finished, UTC),
        counts=json.loads(row["counts"]),
    )
