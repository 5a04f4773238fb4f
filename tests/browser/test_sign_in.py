"""Signing in and out in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browser_tools import Visitor, shoot
from search_builders import World
from server_builder import build_world, serving
from tusou.office.accounts import Accounts
from tusou.office.store import Office

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = build_world(tmp_path)
    office = Office(world.library.path)
    Accounts(office).add_user("root", "li", PASSWORD, "admin")
    Accounts(office).add_user("li", "wang", PASSWORD, "searcher")
    office.close()
    yield world
    world.close()


@pytest.fixture
def visitor(browser: Browser, world: World) -> Iterator[Visitor]:
    with serving(world) as (address, _):
        visitor = Visitor(browser, address)
        yield visitor
        visitor.close()
    assert visitor.complaints == []


def test_sign_in_search_collect_and_sign_out(visitor: Visitor) -> None:
    visitor.expected.append("403")  # the wrong password
    page = visitor.open("/?q=雪山&lang=zh", lang="zh-CN")
    expect(page.locator("h1")).to_have_text("登录")
    shoot(page, "sign-in-zh-1440")
    page.get_by_label("用户名").fill("wang")
    page.get_by_label("密码").fill("wrong password")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("用户名或密码不正确。")
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#grid .card").first).to_be_visible()  # where one wanted to go
    expect(page.locator("#sign-out")).to_contain_text("wang")
    card = page.locator("#grid .card").first
    card.hover()
    card.locator(".pick").click()
    page.locator("#selection .primary").click()
    page.fill("#new-collection", "我的")
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("我的")
    page.goto(f"{visitor.address}/collections?lang=zh")
    page.locator(".collection-tiles a").click()
    expect(page.locator("#collections")).to_contain_text("wang")
    page.locator("#sign-out").click()
    page.wait_for_url("**/sign-in*")  # signed out, and nothing more is on its way
    page.goto(f"{visitor.address}/collections")
    assert "/sign-in" in page.url


@pytest.mark.parametrize("wanted", ["https://example.org/", "//example.org", "javascript:alert(1)"])
def test_nobody_is_sent_to_another_site(visitor: Visitor, wanted: str) -> None:
    page = visitor.open(f"/sign-in?next={wanted}&lang=en")
    page.get_by_label("Name").fill("li")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#sign-out")).to_contain_text("li")
    assert page.url.startswith(visitor.address)
