"""Judging in a real browser: a name, a search, pictures one by one, keys, going back, agreement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browser_tools import Visitor
from search_builders import World
from server_builder import build_world, serving
from tusou.feedback.opinions import OpinionStore

pytestmark = pytest.mark.browser


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = build_world(tmp_path)
    yield world
    world.close()


@pytest.fixture
def visitor(browser: Browser, world: World) -> Iterator[Visitor]:
    with serving(world) as (address, _):
        visitor = Visitor(browser, address)
        yield visitor
        visitor.close()
    assert visitor.complaints == []


def test_a_judge_grades_by_button_and_by_key(world: World, visitor: Visitor) -> None:
    page = visitor.open("/judge?lang=en")
    page.locator("#words").fill("red")
    page.get_by_role("button", name="Judge", exact=True).click()
    expect(page.locator("#said")).to_contain_text("who you are")
    page.locator("#judge").fill("Li")
    page.locator("#judge").blur()
    page.get_by_role("button", name="Judge", exact=True).click()
    expect(page.locator("#work img")).to_be_visible()
    left = page.locator("#work .left")
    total = int(left.inner_text().split(" of ")[1].split()[0])
    expect(left).to_contain_text(f"{total} of {total}")
    page.locator(".grades button").first.click()  # 3
    expect(left).to_contain_text(f"{total - 1} of {total}")
    page.locator("body").press("0")
    expect(left).to_contain_text(f"{total - 2} of {total}")
    page.locator("body").press("Backspace")
    expect(left).to_contain_text(f"{total - 1} of {total}")
    for number in range(total - 1):
        expect(left).to_contain_text(f"{total - 1 - number} of {total}")
        page.locator("body").press("2")
    expect(page.locator("#work")).to_contain_text("Nothing left to grade")
    expect(page.locator("#queries")).to_contain_text("red")
    with OpinionStore(world.library.path) as store:
        grades = [opinion.grade for opinion in store.all()]
    assert sorted(grades) == [2] * (total - 1) + [3]


def test_the_page_in_chinese_and_narrow(world: World, visitor: Visitor) -> None:
    page = visitor.open("/judge?lang=zh", lang="zh-CN")
    page.set_viewport_size({"width": 390, "height": 800})
    page.locator("#judge").fill("李")
    page.locator("#words").fill("雪山")
    page.locator("#words").press("Enter")
    expect(page.locator(".grades button")).to_have_count(4)
    expect(page.locator(".grades")).to_contain_text("正是所求")
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
