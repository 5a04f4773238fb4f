"""Images, suppliers, licences, limits, health and metrics over HTTP."""

from __future__ import annotations

import httpx
import pytest

from tusou.catalog.licenses import LICENSES
from tusou.server.schemas import Image, Licenses, Limits, Readiness, SearchAnswer, Suppliers
from tusou.server.state import ServerState

SEARCH = "/api/v1/search/images"


@pytest.fixture
def mountain(http: httpx.Client) -> str:
    found: str = http.get(SEARCH, params={"q": "snow mountain"}).json()["results"][0]["id"]
    return found


def test_one_image_has_its_rights_and_texts(http: httpx.Client, mountain: str) -> None:
    item = http.get(f"/api/v1/images/{mountain}", params={"lang": "zh"}).json()
    assert Image.model_validate(item, extra="forbid").model_dump() == item
    assert item["title"] == "雪山"
    assert item["license_type"] == ["commercial", "modification"]
    assert "Ada Lin" in item["attribution"]
    assert item["urls"]["raw"] == f"/media/originals/{mountain}"


def test_similar_images_leave_out_the_image_itself(http: httpx.Client, mountain: str) -> None:
    body = http.get(f"/api/v1/images/{mountain}/similar", params={"per_page": 4, "supplier": "acme"}).json()
    SearchAnswer.model_validate(body, extra="forbid")
    assert len(body["results"]) == 4
    assert mountain not in [item["id"] for item in body["results"]]
    assert {item["supplier"] for item in body["results"]} == {"acme"}
    following = {"per_page": 4, "supplier": "acme", "cursor": body["next_cursor"]}
    more = http.get(f"/api/v1/images/{mountain}/similar", params=following).json()
    assert len(more["results"]) == 1


def test_suppliers_count_their_images(http: httpx.Client) -> None:
    body = http.get("/api/v1/suppliers").json()
    Suppliers.model_validate(body, extra="forbid")
    assert {item["name"]: item["images"] for item in body["results"]} == {"acme": 6, "zoo": 24}


def test_licenses_say_what_they_allow(http: httpx.Client) -> None:
    body = http.get("/api/v1/licenses", params={"lang": "zh"}).json()
    Licenses.model_validate(body, extra="forbid")
    assert body["total"] == len(LICENSES)
    found = {item["code"]: item for item in body["results"]}
    assert found["CC-BY-SA-4.0"]["share_alike"] is True
    assert found["CC-BY-NC-4.0"]["commercial"] is False
    assert "知识共享" in found["CC-BY-4.0"]["name"]


def test_limits_are_those_of_the_settings(http: httpx.Client, state: ServerState) -> None:
    limits = Limits.model_validate(http.get("/api/v1/limits").json(), extra="forbid")
    assert limits.max_upload_bytes == state.library.config.max_upload_bytes


def test_health(http: httpx.Client, state: ServerState) -> None:
    assert http.get("/healthz").json() == http.get("/livez").json() == {"status": "ok"}
    ready = Readiness.model_validate(http.get("/readyz").json(), extra="forbid")
    assert (ready.images, ready.model) == (30, state.engine.encoder.model_id)
    state.ready = False
    try:
        assert http.get("/readyz").status_code == 503
        assert http.get("/livez").status_code == 200
    finally:
        state.ready = True


def test_metrics_count_requests_and_stages(http: httpx.Client) -> None:
    http.get(SEARCH, params={"q": "red"})
    http.get("/api/v1/images/nosuch")
    text = http.get("/metrics").text
    assert (
        'tusou_http_request_duration_seconds_count{code="200",method="GET",route="/api/v1/search/images"}'
        in text
    )
    assert 'code="404",method="GET",route="/api/v1/images/{image_id}"' in text
    assert 'tusou_search_stage_duration_seconds_count{stage="recall_dense"}' in text
    assert "tusou_index_docs 30.0" in text
    assert "nosuch" not in text  # labels are bounded: no path and no query ever becomes one
