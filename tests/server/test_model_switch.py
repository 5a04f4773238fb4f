"""A running server answers all the time while its library is switched, and follows."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from server_builder import running
from switch_builder import Bundles, build_bundles, embed_in_this_process, ingest_with, write_colors
from tusou.catalog.library import Library
from tusou.catalog.model_roles import announce_model, promote_model, roll_back_library
from tusou.errors import BundleError
from tusou.ingest.switch import switch_model
from tusou.models.registry import Registry
from tusou.server.app import create_app
from tusou.server.model_watch import ModelWatch

PATIENCE = 30  # seconds until a server that follows must have followed, on the slowest machine


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    return build_bundles(tmp_path)


@pytest.fixture
def lib(tmp_path: Path, bundles: Bundles, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUSOU_MODELS", str(tmp_path / "models"))
    for bundle in (bundles.tiny, bundles.wide):
        Registry(tmp_path / "models").install(bundle)
    embed_in_this_process(monkeypatch)
    write_colors(tmp_path / "src", 6)
    ingest_with(tmp_path / "lib", tmp_path / "src", bundles.opener("tiny"))
    return tmp_path / "lib"


def wait_for_model(client: httpx.Client, model_id: str) -> None:
    end = time.monotonic() + PATIENCE
    while client.get("/readyz").json()["model"] != model_id:
        assert time.monotonic() < end, f"the server never answered with {model_id}"
        time.sleep(0.05)


def test_no_request_fails_while_the_model_changes_twice(lib: Path, bundles: Bundles) -> None:
    told: Counter[tuple[int, int, tuple[str, ...]]] = Counter()
    over = threading.Event()
    with running(create_app(lib)) as address:

        def ask() -> None:
            with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
                while not over.is_set():
                    asked = {"q": "red", "per_page": "6", "group_copies": "false"}
                    answer = client.get("/api/v1/search/images", params=asked)
                    found = answer.json()
                    first = tuple(sorted(hit["id"] for hit in found["results"][:2]))
                    told[answer.status_code, found["total"], first] += 1

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
                wait_for_model(client, bundles.model("tiny").model_id)
                switch_model(lib, bundles.model("wide"), bundles.opener("wide"))
                wait_for_model(client, bundles.model("wide").model_id)
                roll_back_library(lib)
                wait_for_model(client, bundles.model("tiny").model_id)
                metrics = client.get("/metrics").text
        finally:
            over.set()
            for thread in threads:
                thread.join()
    # Every answer is complete and the same: six images, the two red ones first.
    assert len(told) == 1
    ((status, total, first),) = told
    assert (status, total, len(first)) == (200, 6, 2)
    assert metrics.count("tusou_model_info{") == 1


def test_a_new_model_that_cannot_be_opened_leaves_the_old_one_answering(
    lib: Path, bundles: Bundles, caplog: pytest.LogCaptureFixture
) -> None:
    model = bundles.model("wide")
    reopened: list[str] = []

    def fail() -> None:
        reopened.append("tried")
        raise BundleError("the bundle is gone")

    with Library.open(lib, writer=True) as library, caplog.at_level(logging.ERROR):
        watch = ModelWatch(library, lambda: bundles.model("tiny").model_id, fail)
        watch.look()
        assert reopened == []
        announce_model(library.catalog, model)
        promote_model(library.catalog, model.model_id)
        watch.look()
        watch.look()
    assert reopened == ["tried", "tried"]
    assert [record.getMessage() for record in caplog.records] == [
        "the library's new model cannot be opened; the old one goes on: the bundle is gone"
    ]
