"""axe finds nothing serious on any page, in both languages, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from browser_tools import Visitor
from search_builders import World
from server_builder import build_world, serving
from tusou.office.collections import Collections
from tusou.office.store import Office

pytestmark = pytest.mark.browser

SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = build_world(tmp_path_factory.mktemp("axe"))
    office = Office(world.library.path)
    collections = Collections(office)
    made = collections.create("li", "封面")
    collections.add("li", made.collection_id, [r.image_id for r in world.library.catalog.records(limit=4)])
    collections.comment("li", made.collection_id, "很好")
    office.close()
    yield world
    world.close()


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with serving(world) as (address, _):
        yield address


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Visitor]:
    visitor = Visitor(browser, address)
    yield visitor
    visitor.close()


def results(page: Page) -> None:
    expect(page.locator("#grid .card:not(.ghost)").first).to_be_visible()


def detail(page: Page) -> None:
    results(page)
    page.locator("#grid a.frame").first.click()
    expect(page.locator("#detail .strip-list li").first).to_be_visible()


def licensing(page: Page) -> None:
    detail(page)
    page.locator("#detail .actions .primary").click()
    expect(page.locator(".verdict p").first).to_be_visible()


def suggesting(page: Page) -> None:
    page.locator("#q").press_sequentially("snow", delay=20)
    expect(page.locator("#suggestions [role=option]").first).to_be_visible()


def selecting(page: Page) -> None:
    results(page)
    page.locator("#grid .card").first.hover()
    page.locator("#grid .pick").first.click()


def one_collection(page: Page) -> None:
    page.locator(".collection-tiles a").click()
    expect(page.locator("#comments li").first).to_be_visible()


def managed(page: Page) -> None:
    expect(page.locator("#manage .panel-card, #manage table").first).to_be_visible()


PAGES: list[tuple[str, Callable[[Page], None] | None]] = [
    ("/", None), ("/", suggesting), ("/?q=snow", results), ("/?q=snow", selecting), ("/?q=snow", detail),
    ("/?q=snow", licensing), ("/collections", None), ("/collections", one_collection), ("/judge", None),
    ("/manage#overview", managed), ("/manage#suppliers", managed), ("/manage#accounts", managed),
    ("/sign-in", None),
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("path", "prepare"), PAGES)
def test_nothing_serious(
    visitor: Visitor, path: str, prepare: Callable[[Page], None] | None, scheme: str
) -> None:
    lang, width = (
        ("zh-CN", 1440) if scheme == "light" else ("en-US", 390 if prepare is not selecting else 900)
    )
    page = visitor.open(path, lang=lang, width=width, color_scheme=scheme)
    if prepare is not None:
        prepare(page)
    page.wait_for_timeout(500)  # fade-ins count as low contrast
    found = Axe().run(page).response["violations"]
    serious = [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
    assert serious == []
