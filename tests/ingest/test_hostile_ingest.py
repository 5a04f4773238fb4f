"""Pillow's own test pictures, crash files, bombs and all, through a whole ingest job with real workers."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from fakes import KeywordEncoder
from hostile_corpus import pillow_images
from library_builder import ACME
from tusou.catalog.library import Library
from tusou.ingest.check import check_library
from tusou.ingest.options import ReadOptions
from tusou.ingest.pipeline import IngestOptions
from tusou.ingest.run import run_ingest
from tusou.ingest.sources import open_source, settle_supplier

pytestmark = pytest.mark.hostile


def test_every_file_is_in_or_listed_with_a_reason(tmp_path: Path) -> None:
    files = [path for path in pillow_images() if not path.name.startswith(".")]
    folder = Path(os.path.commonpath(files))
    with Library.create(tmp_path / "lib") as library:
        supplier = settle_supplier(library.catalog, "acme", ACME)
        source = open_source(folder, ReadOptions(), "folder")
        summary = run_ingest(library, source, supplier, KeywordEncoder, IngestOptions())
        refusals = library.jobs.refusals(summary.job_id)
        entered = {record.item_id for record in library.catalog.records(limit=100_000)}
    assert summary.state == "done"
    assert summary.counts["added"] == len(entered) > 500
    assert all(refusal.reason and refusal.message for refusal in refusals)
    assert summary.reasons.get("internal_error", 0) == 0, [
        refusal for refusal in refusals if refusal.reason == "internal_error"
    ]
    named = entered | {refusal.path for refusal in refusals}
    missing = [str(path.relative_to(folder)) for path in files]
    assert [name for name in missing if name not in named and not _is_companion(name)] == []
    with Library.open(tmp_path / "lib", writer=True) as library:
        assert list(check_library(library)) == []
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert peak < 2_000_000, "this process needed over 2 GB"


def _is_companion(name: str) -> bool:
    """README and the like at the top, and sidecars that found their picture, are no items."""
    return name.lower().startswith(("readme", "license")) or name.endswith((".txt", ".json"))
