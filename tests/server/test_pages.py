"""The page as the server sends it: both languages, no inline code, results without a script."""

from __future__ import annotations

import html
import json
import re
from importlib.resources import files
from typing import Any

import httpx
import pytest

from tusou.index.base import FIELDS
from tusou.index.colors import NAMED_COLORS
from tusou.ranking.features import FEATURE_NAMES
from tusou.server.locales import LOCALES


def boot(page: str) -> dict[str, Any]:
    match = re.search(r'<script id="boot" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert match is not None
    data: dict[str, Any] = json.loads(match[1])
    return data


def test_both_languages_have_the_same_strings() -> None:
    assert LOCALES["en"].keys() == LOCALES["zh"].keys()
    for key, text in LOCALES["en"].items():
        assert text
        assert LOCALES["zh"][key]
        assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", LOCALES["zh"][key]), key


def test_every_string_the_scripts_use_exists() -> None:
    scripts = "".join(path.read_text("utf-8") for path in (files("tusou.server") / "static" / "js").iterdir())
    template = (files("tusou.server") / "templates" / "page.html").read_text("utf-8")
    used = set(re.findall(r'\bt\(\s*"(\w+)"', scripts)) | set(re.findall(r"\bt\.(\w+)", template))
    assert len(used) > 60
    assert used - LOCALES["en"].keys() == set()


def test_computed_keys_exist() -> None:
    wanted = {f"color_{name}" for name in NAMED_COLORS} | {f"field_{name}" for name in FIELDS}
    wanted |= {f"feature_{name}" for name in FEATURE_NAMES}
    wanted |= {f"{verb}_{right}" for verb in ("may", "may_not") for right in ("commercial", "modification")}
    wanted |= {f"{verb}_{duty}" for verb in ("must", "need_not") for duty in ("attribution", "share_alike")}
    assert wanted - LOCALES["en"].keys() == set()


@pytest.mark.parametrize("path", ["/", "/?q=snow&view=nosuch", "/?q=color:nosuch"])
def test_no_inline_code_or_style(http: httpx.Client, path: str) -> None:
    page = http.get(path).text
    assert re.findall(r"<script(?![^>]*(?:src=|application/json))", page) == []
    assert re.findall(r"\sstyle=|\son\w+=|javascript:|<style", page) == []


def test_language_by_header_and_by_parameter(http: httpx.Client) -> None:
    chinese = {"accept-language": "zh-CN,zh;q=0.9"}
    assert '<html lang="zh-CN">' in http.get("/", headers=chinese).text
    assert '<html lang="en">' in http.get("/?lang=en", headers=chinese).text
    assert '<html lang="en">' in http.get("/").text


def test_the_home_offers_words_and_pictures_of_the_library(http: httpx.Client) -> None:
    data = boot(http.get("/?lang=zh").text)
    assert "雪山" in data["examples"]
    assert len(data["mosaic"]) == 28
    assert {item["supplier"] for item in data["mosaic"]} == {"acme", "zoo"}
    assert data["answer"] is None


def test_results_stand_in_the_page_itself(http: httpx.Client) -> None:
    page = http.get("/?q=snow+mountain").text
    data = boot(page)
    assert data["answer"]["results"][0]["title"] == "Snow mountain"
    body = page.split('<ul id="grid"')[1]
    assert body.index("Snow mountain") < body.index("</li>")


def test_pages_are_linked_without_a_script(http: httpx.Client) -> None:
    assert 'rel="next"' not in http.get("/?sort=newest").text
    second = http.get("/?q=blob&page=2").text
    assert boot(second)["answer"]["results"] == []


def test_suppliers_text_is_escaped(http: httpx.Client) -> None:
    page = http.get("/?q=night").text
    assert "<script>alert" not in page
    assert html.escape("<script>alert(1)</script>") in page


def test_what_is_wrong_stands_in_the_page(http: httpx.Client) -> None:
    answer = http.get("/?q=color:nosuch")
    assert answer.status_code == 200
    assert "nosuch" in answer.text.split('id="message"')[1]
    assert http.get("/?megapixels=x").status_code == 200
    assert http.get("/?page=x&q=a&next").status_code == 200


def test_a_deep_link_shows_the_image_without_a_script(http: httpx.Client) -> None:
    found = http.get("/api/v1/search/images", params={"q": "snow"}).json()["results"][0]
    page = http.get(f"/?view={found['id']}").text
    assert html.escape(found["attribution"], quote=False).split("(")[0][:30] in html.unescape(page)


def test_an_image_says_its_rights_to_machines(http: httpx.Client) -> None:
    image = http.get("/api/v1/search/images", params={"q": "snow"}).json()["results"][0]
    page = http.get("/", params={"view": image["id"], "lang": "en"}).text
    found = json.loads(re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert found["@type"] == "ImageObject"
    assert found["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert found["creator"]["name"] == "Ada Lin"
    assert found["thumbnailUrl"].startswith("http://")
    assert "ld+json" not in http.get("/").text
