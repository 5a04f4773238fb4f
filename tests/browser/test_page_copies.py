"""Copies of one picture on the page: one card, a badge, and the others a click away."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from browser_tools import Visitor
from search_builders import textured
from server_builder import build_world, serving

pytestmark = pytest.mark.browser


def test_copies_stand_behind_one_image_and_are_a_click_away(browser: Browser, tmp_path: Path) -> None:
    world = build_world(tmp_path)
    picture = textured(77)
    for name, license_ in (("bound", "CC-BY-NC-4.0"), ("free", "CC0-1.0")):
        world.add(picture, item_id=name, title_en=f"Kiwi {name}", license=license_)
    with serving(world) as (address, _):
        visitor = Visitor(browser, address)
        page = visitor.open("/?q=kiwi&lang=en")
        kiwis = page.locator("#grid .card", has_text="Kiwi")
        expect(kiwis).to_have_count(1)
        expect(kiwis).to_contain_text("Kiwi free")
        badge = kiwis.locator(".copies")
        expect(badge).to_have_text("+1")
        badge.click()
        page.wait_for_url("**mode=same**")
        expect(page.locator("#grid .card .title")).to_have_text(["Kiwi bound"])
        visitor.close()
        assert visitor.complaints == []
    world.close()
