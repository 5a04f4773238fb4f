"""Select, collect, share, license: the journeys of somebody who makes a magazine, in a real browser."""

from __future__ import annotations

import io
import json
import re
import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browser_tools import Visitor, shoot
from search_builders import World
from server_builder import build_world, serving
from tusou.imaging.embedded import read_embedded
from tusou.office.collections import Collections
from tusou.office.rights import Rights
from tusou.office.store import Office
from tusou.office.uses import Agreement, local_day

pytestmark = pytest.mark.browser

CARDS = "#grid .card:not(.ghost)"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = build_world(tmp_path)
    yield world
    world.close()


@pytest.fixture
def office(world: World) -> Iterator[Office]:
    office = Office(world.library.path)
    yield office
    assert office.tampered() == []
    office.close()


@pytest.fixture
def visitor(browser: Browser, world: World) -> Iterator[Visitor]:
    with serving(world) as (address, _):
        visitor = Visitor(browser, address)
        yield visitor
        visitor.close()
    assert visitor.complaints == []


def test_select_collect_and_share(visitor: Visitor, office: Office) -> None:
    page = visitor.open("/?supplier=acme&lang=en")
    cards = page.locator(CARDS)
    expect(cards).to_have_count(6)
    cards.nth(0).hover()
    cards.nth(0).locator(".pick").click()
    cards.nth(2).locator(".pick").click(modifiers=["Shift"])
    expect(page.locator("#selection strong")).to_have_text("3 selected")
    cards.nth(4).locator("a.frame").focus()
    page.keyboard.press("x")
    expect(page.locator("#selection strong")).to_have_text("4 selected")
    page.keyboard.press("x")
    page.locator("#selection").get_by_role("button", name="Add to a collection").click()
    page.fill("#new-collection", "Spring 封面")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("3 added to Spring 封面")
    expect(page.locator("#selection")).to_be_hidden()
    (made,) = Collections(office).all()
    assert made.count == 3

    page.get_by_role("link", name="Collections").click()
    page.locator(".collection-tiles a").click()
    expect(page.locator(CARDS)).to_have_count(3)
    first = page.locator(CARDS).nth(0).get_attribute("data-id")
    page.locator(CARDS).nth(0).drag_to(page.locator(CARDS).nth(2))
    expect(page.locator(CARDS).nth(1)).to_have_attribute("data-id", str(first))
    page.locator(CARDS).nth(1).locator("a.frame").focus()
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator(CARDS).nth(0)).to_have_attribute("data-id", str(first))
    page.locator(CARDS).nth(2).locator(".take-out").click()
    expect(page.locator(CARDS)).to_have_count(2)
    assert next(iter(Collections(office).items(made.collection_id))).image_id == first
    page.fill("#comments textarea", "裁掉左边")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#comments li")).to_contain_text("裁掉左边")
    shoot(page, "collection-en-1440")

    page.get_by_role("button", name="Share").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.locator(".new-link input").input_value()
    page.goto(link)
    expect(page.locator(CARDS)).to_have_count(2)
    expect(page.locator("#collections button")).to_have_count(0)  # nothing to change for those who look
    shoot(page, "shared-en-1440")
    page.go_back()
    page.get_by_role("button", name="Share").click()
    page.locator(".share-list").get_by_role("button", name="End").click()
    expect(page.locator(".share-list li")).to_have_count(0)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(link)


def test_find_and_license_an_image_in_chinese(visitor: Visitor, office: Office) -> None:
    page = visitor.open("/?q=雪山", lang="zh-CN")
    page.locator(CARDS).first.locator("a.frame").click()
    page.locator("#detail").get_by_role("button", name="下载").click()
    expect(page.locator(".verdict")).to_contain_text("可以这样使用")
    expect(page.locator(".verdict")).to_contain_text("署名")
    page.get_by_label("媒介").select_option("print")
    page.get_by_label("项目").fill("春季号")
    shoot(page, "license-zh-1440")
    with page.expect_download() as found:
        page.locator("#sheet").get_by_role("button", name="下载").click()
    data = Path(found.value.path()).read_bytes()
    assert read_embedded(data)[0].creator == "Ada Lin"
    assert found.value.suggested_filename == "snow-mountain.png"
    ((download, grant),) = Rights(office).history()
    assert (grant.purpose, grant.medium, grant.project) == ("editorial", "print", "春季号")
    assert download.bytes == len(data)


def test_what_is_not_allowed_cannot_be_downloaded(visitor: Visitor, office: Office) -> None:
    page = visitor.open("/?q=leaf&lang=en")
    page.locator(CARDS).first.locator("a.frame").click()
    expect(page.locator("#detail h2")).to_contain_text("Green")
    page.locator("#detail").get_by_role("button", name="Download").click()
    page.locator("#sheet").get_by_text("Commercial").click()
    expect(page.locator(".verdict")).to_contain_text("not allowed")
    expect(page.locator(".verdict")).to_contain_text("does not allow this purpose")
    expect(page.locator("#sheet").get_by_role("button", name="Download")).to_be_disabled()
    page.locator("#sheet").get_by_text("Education").click()
    expect(page.locator("#sheet").get_by_role("button", name="Download")).to_be_enabled()
    assert Rights(office).history() == []


def test_search_for_an_intended_use(visitor: Visitor) -> None:
    page = visitor.open("/?supplier=acme&lang=en")
    expect(page.locator(CARDS)).to_have_count(6)
    page.locator("#filter-usage").select_option("commercial")
    expect(page.locator(CARDS)).to_have_count(4)
    assert "usage=commercial" in page.url
    page.locator("#filter-medium").select_option("web")
    expect(page.locator("#chips")).to_contain_text("Commercial · Web")
    page.locator("#chips button").filter(has_text="Commercial").click()
    expect(page.locator(CARDS)).to_have_count(6)


def test_a_collection_is_downloaded_as_a_whole(visitor: Visitor, world: World, office: Office) -> None:
    made = Collections(office).create("li", "one")
    Collections(office).add(
        "li", made.collection_id, [r.image_id for r in world.library.catalog.records(limit=3)]
    )
    page = visitor.open(f"/collections/{made.collection_id}?lang=en")
    page.get_by_role("button", name="Download all").click()
    page.locator("#sheet").get_by_text("Commercial").click()
    with page.expect_download() as found:
        page.locator("#sheet").get_by_role("button", name="Download all").click()
    with zipfile.ZipFile(io.BytesIO(Path(found.value.path()).read_bytes())) as archive:
        assert len(archive.namelist()) == 4  # two pictures, credits, and what was refused
    assert len(Rights(office).history()) == 2


def test_a_withdrawn_supplier_is_gone_from_page_and_collection(
    visitor: Visitor, world: World, office: Office
) -> None:
    made = Collections(office).create("li", "one")
    Collections(office).add(
        "li", made.collection_id, [r.image_id for r in world.library.catalog.records(limit=2)]
    )
    body = {"supplier": "acme", "title": "Old", "ends": (local_day() - timedelta(days=1)).isoformat()}
    request = urllib.request.Request(
        f"{visitor.address}/api/v1/agreements",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    urllib.request.urlopen(request)
    assert isinstance(Rights(office).agreements()[0], Agreement)
    page = visitor.open("/?q=snow&lang=zh", lang="zh-CN")
    expect(page.locator(CARDS).first).to_be_visible()
    expect(page.locator(f"{CARDS} .supplier").filter(has_text="Acme")).to_have_count(0)
    page.goto(f"{visitor.address}/collections/{made.collection_id}?lang=zh")
    expect(page.locator(".card.gone")).to_have_count(2)
    page.locator(".card.gone").first.get_by_role("button", name="移出").click()
    expect(page.locator(".card.gone")).to_have_count(1)


@pytest.mark.parametrize(("lang", "words"), [("en", "does not exist"), ("zh", "链接不存在")])
def test_a_dead_link_says_so(visitor: Visitor, lang: str, words: str) -> None:
    page = visitor.open("/collections?lang=" + lang)
    answer = page.request.get(f"{visitor.address}/shared/nosuch?lang={lang}")
    assert answer.status == 404
    assert re.search(words, answer.text())


def test_collections_on_a_phone(visitor: Visitor, world: World, office: Office) -> None:
    made = Collections(office).create("li", "一个名字很长很长很长很长很长很长很长的收藏集")
    Collections(office).add(
        "li", made.collection_id, [r.image_id for r in world.library.catalog.records(limit=3)]
    )
    page = visitor.open("/collections?lang=zh", lang="zh-CN")
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("/collections?lang=zh", f"/collections/{made.collection_id}?lang=zh"):
        page.goto(visitor.address + path)
        expect(page.locator("#collections h1")).to_be_visible()
        expect(page.locator("#collections img").first).to_be_visible()
        assert not page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )


def test_a_saved_search_and_where_an_image_was_used(visitor: Visitor, office: Office) -> None:
    page = visitor.open("/?q=snow&lang=en")
    expect(page.locator(CARDS).first).to_be_visible()
    page.get_by_role("button", name="Save search").click()
    expect(page.locator("#toast")).to_contain_text("Saved")
    image = str(page.locator(CARDS).first.get_attribute("data-id"))
    made = Collections(office).create("li", "Winter issue")
    Collections(office).add("li", made.collection_id, [image])
    page.goto(f"{visitor.address}/collections?lang=en")
    tile = page.locator(".collection-tiles a", has_text="snow")
    expect(tile.locator("img").first).to_be_visible()
    tile.click()
    page.locator(CARDS).first.locator("a.frame").click()
    expect(page.locator("#detail .uses")).to_contain_text("Winter issue")
    expect(page.locator("#detail .more-strips")).to_contain_text("More from Acme Pictures")
    shoot(page, "detail-uses-en-1440")
    page.goto(f"{visitor.address}/collections?lang=en")
    page.get_by_role("button", name="Delete: snow").click()
    expect(tile).to_have_count(0)
