"""The page tells what was really seen, where in the grid, and what was done; or nothing at all."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser_tools import Visitor
from search_builders import World
from server_builder import build_world, serving
from tusou.feedback.records import LoggedEvent
from tusou.feedback.store import FILE_NAME, EventStore

pytestmark = pytest.mark.browser

CARDS = "#grid .card:not(.ghost)"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = build_world(tmp_path_factory.mktemp("watched"))
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
    assert visitor.complaints == []


def events(world: World, least: int) -> list[LoggedEvent]:
    """The log's events, once there are so many."""
    for _ in range(100):
        with EventStore(world.library.path / FILE_NAME, read_only=True) as store:
            found = [event for low, high in store.spans() for _, event in store.events(low, high)]
        if len(found) >= least:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{len(found)} events after ten seconds, expected {least}: {found}")


def shown(page: Page) -> dict[str, tuple[int, int, int, int]]:
    """Id of every card in view to ordinal, row, column and columns, worked out from where they lie."""
    boxes = page.locator(CARDS).evaluate_all(
        "nodes => nodes.map((n) => [n.dataset.id, n.getBoundingClientRect()])"
        ".map(([id, { top, bottom }]) => [id, top, bottom])"
    )
    tops = sorted({round(top) for _, top, _ in boxes})
    rows = [[box for box in boxes if round(box[1]) == top] for top in tops]
    places: dict[str, tuple[int, int, int, int]] = {}
    for row, members in enumerate(rows, 1):
        for column, (image, _, bottom) in enumerate(members, 1):
            if bottom <= 900:
                places[image] = (len(places) + 1, row, column, len(members))
    return places


def test_what_was_seen_and_done_is_told_with_its_place(world: World, visitor: Visitor) -> None:
    page = visitor.open("/?q=blob")
    expect(page.locator(CARDS).first).to_be_visible()
    places = shown(page)
    assert len({row for _, row, _, _ in places.values()}) > 1
    impressions = {each.object_id: each for each in events(world, len(places)) if each.action == "impression"}
    assert (
        places.items()
        <= {
            image: (each.ordinal, each.row, each.column, each.columns) for image, each in impressions.items()
        }.items()
    )
    third = page.locator(CARDS).nth(2)
    image = third.get_attribute("data-id")
    assert image is not None
    third.locator("a.frame").click()
    page.locator("#detail .attribution button").click()
    with page.expect_download():
        page.locator("#detail").get_by_role("button", name="Download").click()
        page.locator("#sheet").get_by_role("button", name="Download").click()
    page.goto("about:blank")  # leaving sends what waits
    done = {each.action: each for each in events(world, len(impressions) + 3) if each.object_id == image}
    assert {"impression", "click", "download", "copy_attribution"} <= done.keys()
    click = done["click"]
    assert (click.ordinal, click.row, click.column, click.columns) == places[image]
    assert done["download"].query_id == click.query_id


def test_the_switch_stops_everything_and_is_remembered(world: World, visitor: Visitor) -> None:
    page = visitor.open("/?q=sun")
    page.locator("#feedback input").uncheck()
    assert "tusou_feedback=off" in page.evaluate("document.cookie")
    page.wait_for_timeout(3000)
    before = len(events(world, 0))
    page.goto("/?q=leaf")
    expect(page.locator("#feedback input")).not_to_be_checked()
    page.locator(f"{CARDS} a.frame").first.click()
    page.wait_for_timeout(3000)
    assert len(events(world, 0)) == before
    page.keyboard.press("Escape")
    page.locator("#feedback input").check()
    assert "tusou_feedback" not in page.evaluate("document.cookie")


def test_a_browser_that_asks_not_to_be_tracked_is_not(world: World, visitor: Visitor) -> None:
    before = len(events(world, 0))
    page = visitor.open("/?q=stone", lang="zh-CN", extra_http_headers={"Sec-GPC": "1"})
    expect(page.locator("#feedback input")).to_be_disabled()
    expect(page.locator("#feedback")).to_contain_text("不会被记录")
    page.locator(f"{CARDS} a.frame").first.click()
    page.wait_for_timeout(3000)
    assert len(events(world, 0)) == before
