"""Send in, review, find: the real server, the real model, the real ingest."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageFilter
from playwright.sync_api import Browser, expect

from browser_tools import DEMO, Visitor, ingest_part, serve, shoot

pytestmark = pytest.mark.browser


@pytest.fixture
def visitor(browser: Browser, tmp_path: Path) -> Iterator[Visitor]:
    with serve(ingest_part(tmp_path)) as address:
        visitor = Visitor(browser, address)
        yield visitor
        visitor.close()
    assert visitor.complaints == []


def test_upload_review_and_find(visitor: Visitor, tmp_path: Path) -> None:
    picture = Image.open(DEMO / "query.jpg").convert("RGB").filter(ImageFilter.GaussianBlur(1)).rotate(180)
    picture.save(tmp_path / "pyramid at noon.jpg")
    (tmp_path / "no picture.jpg").write_bytes(b"this is no picture")
    visitor.expected.append("415")
    page = visitor.open("/upload?lang=zh", lang="zh-CN")
    page.locator("#supplier").select_option("openclipart")
    page.locator("#files").set_input_files([tmp_path / "pyramid at noon.jpg", tmp_path / "no picture.jpg"])
    expect(page.locator(".submission")).to_have_count(1)
    expect(page.locator(".sending .bad")).to_contain_text("no picture.jpg")
    card = page.locator(".submission").first
    expect(card.locator("img").first).to_be_visible()
    card.get_by_label("中文标题").fill("倒立的金字塔测试图")
    card.get_by_label("许可代码").fill("CC BY 4.0")
    if card.locator(".suggested .chip").count():
        card.locator(".suggested .chip").first.click()
    shoot(page, "upload-zh-1440")
    card.get_by_role("button", name="通过").click()
    expect(page.locator(".decided")).to_contain_text("已入库", timeout=90_000)
    page.locator(".decided a").click()
    expect(page.locator("#detail h2")).to_contain_text("倒立的金字塔测试图")
    expect(page.locator("#detail .rights-box")).to_contain_text("4.0")
    page.goto(f"{visitor.address}/?q=倒立的金字塔&lang=zh")
    expect(page.locator("#grid .card").first).to_contain_text("倒立的金字塔测试图")


def test_turn_down_what_the_library_has(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open("/?q=butterfly&lang=en")
    thumb = page.locator("#grid .card img").first.get_attribute("src")
    data = page.request.get(f"{visitor.address}{thumb}").body()
    Image.open(io.BytesIO(data)).convert("RGB").save(tmp_path / "again.jpg", quality=80)
    page.goto(f"{visitor.address}/upload?lang=en")
    page.locator("#files").set_input_files(tmp_path / "again.jpg")
    twins = page.locator(".submission .twins")
    expect(twins).to_contain_text("may have this already")
    expect(twins.locator("img").nth(1)).to_be_visible()
    shoot(page, "review-twins-en-1440")
    page.get_by_role("button", name="Turn down").click()
    page.get_by_label("Why?").last.fill("we have it")
    page.locator("#sheet").get_by_role("button", name="Turn down").click()
    expect(page.locator(".decided")).to_contain_text("we have it")
    page.set_viewport_size({"width": 390, "height": 800})
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
