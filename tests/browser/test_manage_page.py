"""A manager at work in a real browser: an agreement, a rule, an account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browser_tools import Visitor, shoot
from search_builders import World
from server_builder import build_world, serving
from tusou.office.rights import Rights
from tusou.office.store import Office
from tusou.ranking.rules import RuleStore

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


def test_withdraw_a_supplier_by_its_agreement(visitor: Visitor, world: World) -> None:
    page = visitor.open("/manage?lang=zh#suppliers", lang="zh-CN")
    expect(page.locator("#manage")).to_contain_text("供稿质量")
    page.get_by_role("button", name="新建协议").click()
    page.get_by_label("标题").fill("旧协议")
    page.get_by_label("截止").fill("2020-12-31")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("#manage .flag").first).to_have_text("已撤下")
    shoot(page, "manage-suppliers-zh-1440")
    page.goto(f"{visitor.address}/?q=snow&lang=zh")
    expect(page.locator("#grid .card").first).to_be_visible()
    expect(page.locator("#grid .supplier").filter(has_text="Acme")).to_have_count(0)
    page.goto(f"{visitor.address}/manage?lang=zh#suppliers")
    page.get_by_role("button", name="修改").click()
    page.get_by_label("截止").fill("")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("#manage .flag")).to_have_count(0)
    office = Office(world.library.path)
    assert Rights(office).withheld() == frozenset()
    office.close()


def test_a_synonym_and_the_record_of_it(visitor: Visitor, world: World) -> None:
    page = visitor.open("/manage?lang=en#rules")
    page.get_by_role("button", name="New rule").click()
    page.get_by_label("Kind").select_option("synonym")
    page.get_by_label("Search").fill("peak")
    page.get_by_label("Target").fill("mountain")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#manage td").filter(has_text="peak")).to_be_visible()
    assert [rule.target for rule in RuleStore(world.library.path).all()] == ["mountain"]
    page.get_by_role("link", name="Changes").click()
    expect(page.locator("#manage")).to_contain_text("rule.add")


def test_overview_and_the_first_account(visitor: Visitor) -> None:
    page = visitor.open("/?q=snow&lang=en")
    expect(page.locator("#grid .card").first).to_be_visible()
    page.get_by_role("link", name="Manage").click()
    expect(page.locator(".tile").first).to_be_visible()
    shoot(page, "manage-overview-en-1440")
    page.set_viewport_size({"width": 390, "height": 800})
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    page.goto(f"{visitor.address}/manage?lang=en#accounts")
    page.get_by_role("button", name="New account").click()
    page.get_by_label("Name", exact=True).first.fill("li")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("h1")).to_have_text("Sign in")
