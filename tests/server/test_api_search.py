"""Search over HTTP: parameters, filters, pages, pictures."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from fakes import solid
from search_builders import BLUE, RED, World, jpeg, png, striped, textured
from tusou.server.schemas import SearchAnswer

SEARCH = "/api/v1/search/images"
BY_IMAGE = "/api/v1/search/images/by-image"


def titles(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["results"]]


def test_words_of_both_languages_find_the_image(http: httpx.Client) -> None:
    assert titles(http.get(SEARCH, params={"q": "snow mountain"}))[0] == "Snow mountain"
    assert titles(http.get(SEARCH, params={"q": "雪山", "lang": "zh"}))[0] == "雪山"


def test_texts_follow_accept_language_unless_lang_is_given(http: httpx.Client) -> None:
    chinese = {"accept-language": "fr;q=0.9,zh-CN;q=0.8,en;q=0.5"}
    assert titles(http.get(SEARCH, params={"q": "snow"}, headers=chinese))[0] == "雪山"
    assert titles(http.get(SEARCH, params={"q": "snow", "lang": "en"}, headers=chinese))[0] == "Snow mountain"


def test_an_answer_has_the_documented_shape(http: httpx.Client) -> None:
    body = http.get(SEARCH, params={"q": "red", "explain": "true", "facets": "true", "per_page": 5}).json()
    answer = SearchAnswer.model_validate(body, extra="forbid")
    assert answer.model_dump() == body
    assert answer.query_id
    assert {"supplier", "license", "orientation", "color", "format"} <= set(answer.facets)
    assert body["results"][0]["explain"]["matches"]["title"] == ["red"]
    assert [item["rank"] for item in body["results"]] == [1, 2, 3, 4, 5]


def test_relevance_is_null_for_a_model_nobody_judged(http: httpx.Client) -> None:
    body = http.get(SEARCH, params={"q": "red", "relevant_only": "true"}).json()
    assert (body["relevant"], body["more_relevant"]) == (None, False)
    assert body["results"][0]["probability"] is None
    assert http.post(SEARCH, json={"q": "red", "relevant_only": "yes"}).status_code == 422


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"license_type": "commercial", "supplier": "acme", "q": "green leaf"}, "Green leaf not there"),
        ({"supplier": "acme", "license": "CC-BY-NC-4.0"}, ["Green leaf"]),
        ({"orientation": "panoramic"}, ["Green leaf"]),
        ({"color": "ffff00", "color_tolerance": "10", "supplier": "acme"}, ["Yellow sun"]),
        ({"color": ["#ff0000", "white"], "supplier": "acme"}, ["A red car"]),
        ({"megapixels": "0.5-"}, ["Snow mountain"]),
        ({"width": "900-900", "height": "-600"}, ["Snow mountain"]),
    ],
)
def test_filters_of_the_address(http: httpx.Client, filters: dict[str, Any], expected: Any) -> None:
    found = titles(http.get(SEARCH, params=filters))
    if isinstance(expected, str):
        assert "Green leaf" not in found
        assert found
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"supplier": {"notIn": ["zoo"]}, "license_type": {"all": ["commercial", "modification"]},
          "orientation": {"in": ["portrait"]}}, {"Yellow sun"}),
        ({"width": {"gt": 899, "lt": 901}}, {"Snow mountain"}),
        ({"width": {"gt": 900}}, set()),
        ({"width": {"eq": 900}}, {"Snow mountain"}),
        ({"color": {"all": ["黄色"], "tolerance": 60}, "supplier": {"eq": "acme"}}, {"Yellow sun"}),
        ({"added": {"gte": "2024-05-01T00:00:00Z", "lt": "2024-05-02T00:00:00+00:00"}}, {"Snow mountain"}),
    ],
)  # fmt: skip
def test_filters_of_a_body(http: httpx.Client, filters: dict[str, Any], expected: set[str]) -> None:
    assert set(titles(http.post(SEARCH, json={"filters": filters, "per_page": 100}))) == expected


def test_cursor_reads_every_image_once(http: httpx.Client) -> None:
    parameters: dict[str, Any] = {"per_page": 7}
    seen: list[str] = []
    while True:
        body = http.get(SEARCH, params=parameters).json()
        seen += [item["id"] for item in body["results"]]
        if not body["has_more"]:
            break
        parameters["cursor"] = body["next_cursor"]
    assert len(seen) == len(set(seen)) == body["total"] == 30
    assert body["next_cursor"] is None


def test_numbered_pages_agree_with_the_total(http: httpx.Client) -> None:
    body = http.get(SEARCH, params={"per_page": 8, "page": 4}).json()
    assert (body["total_pages"], len(body["results"]), body["has_more"]) == (4, 6, False)
    beyond = http.get(SEARCH, params={"per_page": 8, "page": 5}).json()
    assert (beyond["results"], beyond["has_more"], beyond["next_cursor"]) == ([], False, None)


def test_a_cursor_of_another_search_is_refused(http: httpx.Client) -> None:
    cursor = http.get(SEARCH, params={"per_page": 2}).json()["next_cursor"]
    refused = http.get(SEARCH, params={"q": "red", "cursor": cursor})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_cursor")


def test_fields_choose_what_comes(http: httpx.Client) -> None:
    body = http.get(SEARCH, params={"q": "red", "fields": "title,license", "per_page": 1}).json()
    assert set(body["results"][0]) == {"id", "title", "license"}


def test_typed_filters_and_exclusions_work_over_http(http: httpx.Client) -> None:
    assert titles(http.get(SEARCH, params={"q": "orientation:panoramic"})) == ["Green leaf"]
    assert "Green leaf" not in titles(http.get(SEARCH, params={"q": "supplier:acme -leaf"}))


def test_a_picture_finds_its_own_kind(http: httpx.Client) -> None:
    answer = http.post(BY_IMAGE, files={"file": ("q.png", png(solid(RED)))}, data={"supplier": "acme"})
    assert titles(answer)[0] == "A red car"


def test_a_picture_with_words_and_weight(http: httpx.Client) -> None:
    def first(weight: str) -> str:
        files = {"file": ("q.png", png(solid(RED)))}
        data = {"q": "green", "image_weight": weight, "supplier": "acme"}
        return titles(http.post(BY_IMAGE, files=files, data=data))[0]

    assert (first("0"), first("1")) == ("Green leaf", "A red car")


def test_same_mode_finds_the_copy(http: httpx.Client) -> None:
    picture = {"file": ("q.jpg", jpeg(textured(7, 110, 110)))}
    assert titles(http.post(BY_IMAGE, files=picture, data={"mode": "same"}))[0] == "Blob 7"


def test_a_region_is_searched_alone(http: httpx.Client) -> None:
    files = {"file": ("q.png", png(striped({RED: 60, BLUE: 20}, 60)))}
    data = {"region": "0.8,0,0.2,1", "supplier": "acme", "q": "", "explain": "true"}
    answer = http.post(BY_IMAGE, files=files, data=data)
    assert titles(answer)[0] in ("Snow mountain", "Sea stone")


def test_a_library_image_as_query(http: httpx.Client, world: World) -> None:
    image_id = http.get(SEARCH, params={"q": "red car"}).json()["results"][0]["id"]
    answer = http.post(BY_IMAGE, data={"image_id": image_id})
    assert answer.status_code == 200
    assert image_id not in [item["id"] for item in answer.json()["results"]]


@pytest.mark.parametrize("lists", [{"orientation": ["landscape", "portrait"]}, {"license": ["CC0-1.0"]}])
def test_lists_in_a_form(http: httpx.Client, lists: dict[str, list[str]]) -> None:
    answer = http.post(BY_IMAGE, files={"file": ("q.png", png(solid(RED)))}, data=lists)
    assert titles(answer)


@pytest.mark.parametrize("moment", [-6296, 1714521600.5, "1714521600", True])
def test_a_date_is_a_text_and_not_a_number(http: httpx.Client, moment: object) -> None:
    answer = http.post("/api/v1/search/images", json={"filters": {"added": {"lte": moment}}})
    assert answer.status_code == 422
    assert "ISO 8601" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"page": True},
        {"per_page": "3"},
        {"explain": 1},
        {"facets": "yes"},
        {"filters": {"width": {"gte": False}}},
        {"filters": {"color": {"tolerance": "25"}}},
    ],
)
def test_a_body_means_what_its_schema_says(http: httpx.Client, body: dict[str, Any]) -> None:
    assert http.post("/api/v1/search/images", json=body).status_code == 422
