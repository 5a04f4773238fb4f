"""The page in a real Chromium, as a person uses it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from browser_tools import DEMO, Visitor, ingest_part, serve, shoot

pytestmark = pytest.mark.browser

CARDS = "#grid .card:not(.ghost)"
DROP = """([encoded, name]) => {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type: "image/jpeg" }));
  const options = { dataTransfer: transfer, clipboardData: transfer, bubbles: true, cancelable: true };
  for (const kind of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(kind, options));
}"""


@pytest.fixture(scope="session")
def address(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(ingest_part(tmp_path_factory.mktemp("browser"))) as address:
        yield address


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Visitor]:
    """Fails the test when the browser logged an error: a script's, a missing file's, or the CSP's."""
    visitor = Visitor(browser, address)
    yield visitor
    visitor.close()
    assert visitor.complaints == []


def settled(page: Page) -> None:
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")


def search(page: Page, words: str) -> None:
    page.fill("#q", words)
    page.press("#q", "Enter")
    settled(page)


def drop(page: Page, path: Path) -> None:
    page.evaluate(DROP, [base64.b64encode(path.read_bytes()).decode(), path.name])
    expect(page.locator(".picture-chip")).to_be_visible()
    settled(page)


def titles(page: Page, count: int = 6) -> list[str]:
    expect(page.locator(CARDS).first).to_be_visible()
    return page.locator(f"{CARDS} .title").all_inner_texts()[:count]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_a_chinese_query(visitor: Visitor) -> None:
    page = visitor.open("/", lang="zh-CN")
    expect(page.locator("#headline")).to_have_text("找到合适的那张图")
    expect(page.locator("#mosaic .card")).not_to_have_count(0)
    shoot(page, "home-zh-1440")
    search(page, "猫")
    assert any(re.search("[猫貓]", title) for title in titles(page))
    assert "q=%E7%8C%AB" in page.url
    expect(page).to_have_title("猫 · 图搜")
    expect(page.locator("#summary")).to_contain_text("张相关图片")
    shoot(page, "results-zh-1440")


def test_a_line_separates_what_matches_from_what_is_nearest(visitor: Visitor) -> None:
    page = visitor.open("/?q=wedding&lang=en")
    settled(page)
    expect(page.locator("#summary")).to_contain_text("matching images")
    line = page.locator("#grid .cutoff")
    expect(line).to_have_count(1)
    expect(line).to_contain_text("match less well")
    above = page.locator("#grid .cutoff").evaluate("node => [...node.parentNode.children].indexOf(node)")
    count = int(re.search(r"\d+", page.locator("#summary").inner_text()).group())  # type: ignore[union-attr]
    assert above == count + 1  # the cards before it, and what takes up the slack of their last row
    shoot(page, "cutoff-en-1440")
    page.goto(page.url.replace("wedding", "%E7%81%AB%E9%94%85").replace("lang=en", "lang=zh"))
    settled(page)
    expect(page.locator("#summary")).to_contain_text("没有很贴切的图片")
    expect(page.locator("#grid .cutoff")).to_contain_text("最接近")
    expect(page.locator(CARDS).first).to_be_visible()


def test_an_english_query_and_no_layout_shift(visitor: Visitor) -> None:
    page = visitor.open("/")
    page.evaluate(
        "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) => {"
        " if (!entry.hadRecentInput) window.shift += entry.value; })).observe({ type: 'layout-shift' });"
    )
    shoot(page, "home-en-1440")
    search(page, "a red car")
    assert any("car" in title.lower() for title in titles(page))
    page.mouse.wheel(0, 3000)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.shift") < 0.05
    shoot(page, "results-en-scrolled-1440")


def test_a_dropped_picture(visitor: Visitor) -> None:
    page = visitor.open("/")
    drop(page, DEMO / "query.jpg")
    assert any("pyramid" in title.lower() for title in titles(page, 3))
    expect(page.locator("#picture-tools")).to_contain_text("this tab only")
    shoot(page, "picture-en-1440")
    search(page, "red")
    assert "q=red" in page.url
    page.get_by_role("button", name="Same image").click()
    settled(page)
    assert "mode=same" in page.url
    page.go_back()
    expect(page.locator(".picture-chip")).to_be_visible()
    page.locator(".picture-chip").get_by_role("button", name="Remove the image").click()
    expect(page.locator(".picture-chip")).to_have_count(0)


def test_a_part_of_the_picture(visitor: Visitor) -> None:
    page = visitor.open("/", lang="zh-CN")
    drop(page, DEMO / "query.jpg")
    page.locator(".picture-chip .thumb").click()
    frame = page.locator(".region-stage img").bounding_box()
    assert frame is not None
    page.mouse.move(frame["x"] + frame["width"] * 0.3, frame["y"] + frame["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] * 0.8, frame["y"] + frame["height"] * 0.9, steps=4)
    page.mouse.up()
    shoot(page, "region-zh-1440")
    page.locator("#region .primary").click()
    settled(page)
    region = re.search(r"region=([\d.%C2]+)", page.url)
    assert region is not None
    x, y, width, height = (float(part) for part in region[1].split("%2C"))
    assert (x, y, width, height) == pytest.approx((0.3, 0.2, 0.5, 0.7), abs=0.02)


def test_a_dropped_picture_does_not_survive_a_reload_and_says_so(visitor: Visitor) -> None:
    page = visitor.open("/")
    drop(page, DEMO / "query.jpg")
    page.reload()
    expect(page.locator("#notice")).to_contain_text("gone from this tab")
    expect(page.locator(".picture-chip")).to_have_count(0)


def test_filters_narrow_the_answer_and_stand_in_the_address(visitor: Visitor) -> None:
    page = visitor.open("/?q=bird")
    every = page.locator("#summary").inner_text()
    page.get_by_role("checkbox", name=re.compile("Openclipart")).check()
    settled(page)
    assert page.locator("#summary").inner_text() != every
    assert "supplier=openclipart" in page.url
    assert set(page.locator(f"{CARDS} .supplier").all_inner_texts()) == {"Openclipart"}
    page.locator("#color-red").click()
    expect(page.locator("#chips .chip")).to_have_count(2)
    shoot(page, "filters-en-1440")
    page.locator("#chips .chip").first.click()
    expect(page.locator("#chips .chip")).to_have_count(1)
    assert "supplier=" not in page.url
    page.go_back()
    expect(page.locator("#chips .chip")).to_have_count(2)


def test_facet_counts_agree_with_the_answer(visitor: Visitor) -> None:
    page = visitor.open("/?sort=newest")
    row = page.locator(".choice", has=page.locator("#use-commercial"))
    count = row.locator(".count").inner_text()
    row.click()
    expect(page.locator("#chips .chip")).to_have_count(1)
    settled(page)
    expect(page.locator("#summary")).to_contain_text(f"{count} images")


def test_the_detail_view(visitor: Visitor) -> None:
    page = visitor.open("/?q=猫", lang="zh-CN")
    page.locator(f"{CARDS} a.frame").first.click()
    detail = page.locator("#detail")
    expect(detail).to_be_visible()
    expect(detail.locator(".rights-box")).to_contain_text("许可")
    expect(detail.locator(".why mark").first).to_be_visible()
    expect(detail.locator(".strip-list li").first).to_be_visible()
    assert "view=" in page.url
    shoot(page, "detail-zh-1440")
    line = detail.locator("#attribution").inner_text()
    detail.get_by_role("button", name="复制署名文字").click()
    expect(page.locator("#toast")).to_have_text("已复制")
    assert page.evaluate("navigator.clipboard.readText()") == line
    first = page.url
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(first)
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(first)
    page.keyboard.press("Escape")
    expect(detail).to_be_hidden()
    assert "view=" not in page.url
    expect(page.locator(f"{CARDS} a.frame").first).to_be_focused()


def test_a_deep_link_opens_the_detail_view(visitor: Visitor) -> None:
    first = visitor.open("/?q=cat")
    first.locator(f"{CARDS} a.frame").first.click()
    page = visitor.open(first.url)
    expect(page.locator("#detail")).to_be_visible()
    shoot(page, "detail-en-1440")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    assert titles(page)


def test_find_similar_from_the_detail_view(visitor: Visitor) -> None:
    page = visitor.open("/?q=cat")
    page.locator(f"{CARDS} a.frame").first.click()
    page.locator("#detail").get_by_role("button", name="Find similar").click()
    expect(page.locator("#detail")).to_be_hidden()
    assert "image_id=" in page.url
    expect(page.locator(".picture-chip img")).to_be_visible()
    assert titles(page)


def test_the_keyboard_alone(visitor: Visitor) -> None:
    page = visitor.open("/?q=dog")
    page.locator("#summary").click()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("ArrowDown")
    links = page.locator(f"{CARDS} a.frame")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(links.nth(1)).to_be_focused()
    top = page.evaluate("document.activeElement.getBoundingClientRect().top + scrollY")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.getBoundingClientRect().top + scrollY") > top
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()


def test_back_and_forward(visitor: Visitor) -> None:
    page = visitor.open("/")
    search(page, "cat")
    cats = titles(page)
    search(page, "house")
    houses = titles(page)
    assert cats != houses
    page.go_back()
    expect(page.locator("#q")).to_have_value("cat")
    assert titles(page) == cats
    page.go_forward()
    expect(page.locator("#q")).to_have_value("house")
    assert titles(page) == houses
    page.go_back()
    page.go_back()
    expect(page.locator("#headline")).to_be_visible()


def test_scrolling_reads_on_without_repeats(visitor: Visitor) -> None:
    page = visitor.open("/?sort=newest")
    expect(page.locator(CARDS)).to_have_count(40)
    page.locator("#sentinel").scroll_into_view_if_needed()
    expect(page.locator(CARDS)).not_to_have_count(40)
    ids = page.locator(CARDS).evaluate_all("(cards) => cards.map((card) => card.dataset.id)")
    assert len(ids) == len(set(ids)) > 40
    expect(page).to_have_url(re.compile("page=2"))
    page.reload()
    page.wait_for_load_state("networkidle")
    assert page.locator(CARDS).count() >= 80


def test_a_tall_screen_is_filled(visitor: Visitor) -> None:
    """Bug: the observer fires once when the sentinel comes near, and never again while it stays near."""
    page = visitor.open("/?sort=newest")
    page.set_viewport_size({"width": 1440, "height": 4000})
    expect(page.locator(CARDS).nth(100)).to_be_attached()


@pytest.mark.parametrize("width", [360, 390])
def test_a_phone(visitor: Visitor, width: int) -> None:
    page = visitor.open("/", lang="zh-CN", width=width, is_mobile=True, has_touch=True)
    assert not scrolls_sideways(page)
    shoot(page, f"home-zh-{width}")
    search(page, "鸟")
    assert titles(page)
    assert not scrolls_sideways(page)
    shoot(page, f"results-zh-{width}")
    page.locator("#filter-button").click()
    expect(page.locator("#filters")).to_be_visible()
    assert not scrolls_sideways(page)
    shoot(page, f"filters-zh-{width}")
    page.locator("#filters .show-results").click()
    expect(page.locator("#filters")).to_be_hidden()
    page.locator(f"{CARDS} a.frame").first.click()
    expect(page.locator("#detail")).to_be_visible()
    assert not scrolls_sideways(page)
    shoot(page, f"detail-zh-{width}")
    page.locator("#detail .close").click()
    expect(page.locator("#detail")).to_be_hidden()


@pytest.mark.parametrize("width", [700, 1024, 1920])
def test_other_widths(visitor: Visitor, width: int) -> None:
    page = visitor.open("/?q=house", width=width)
    assert not scrolls_sideways(page)
    shoot(page, f"results-en-{width}")


def test_the_language_switch_keeps_the_search(visitor: Visitor) -> None:
    page = visitor.open("/?q=cat&orientation=landscape")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#q")).to_have_value("cat")
    expect(page.locator("#chips .chip")).to_contain_text("横图")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#chips .chip")).to_contain_text("Landscape")


def test_dark_and_reduced_motion(visitor: Visitor) -> None:
    page = visitor.open("/?q=sunset", color_scheme="dark", reduced_motion="reduce")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", background)[:3]) < 40
    shoot(page, "results-dark-1440")
    page.locator(f"{CARDS} a.frame").first.click()
    shoot(page, "detail-dark-1440")


def test_nothing_found_and_not_understood(visitor: Visitor) -> None:
    visitor.expected = ["422"]
    page = visitor.open("/?q=supplier:lomiri+color:pink+mp:500-", lang="zh-CN")
    expect(page.locator("#message h2")).to_have_text("没有找到合适的图片")
    shoot(page, "empty-zh-1440")
    search(page, "color:nosuch")
    expect(page.get_by_role("alert")).to_contain_text("nosuch")
    expect(page.get_by_role("alert")).to_contain_text("bad_filter")
    shoot(page, "error-zh-1440")


def test_offline_and_back(visitor: Visitor) -> None:
    visitor.expected = ["ERR_INTERNET_DISCONNECTED"]
    page = visitor.open("/?q=cat")
    page.context.set_offline(True)
    search(page, "dog")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.context.set_offline(False)  # the page notices by itself
    assert any("dog" in title.lower() for title in titles(page))


def test_a_private_address_is_refused_in_words(visitor: Visitor) -> None:
    visitor.expected = ["422"]
    page = visitor.open("/")
    page.locator("#choose").click()
    shoot(page, "chooser-en-1440")
    page.fill("#address", "http://127.0.0.1:1/picture.jpg")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()


def test_choosing_and_pasting_a_file(visitor: Visitor) -> None:
    page = visitor.open("/")
    page.locator("#choose").click()
    page.set_input_files("#file", DEMO / "query.jpg")
    expect(page.locator(".picture-chip")).to_be_visible()
    assert titles(page)
    page.goto("/")
    paste = DROP.replace('["dragenter", "dragover", "drop"]', '["paste"]')
    paste = paste.replace("DragEvent", "ClipboardEvent")
    page.evaluate(paste, [base64.b64encode((DEMO / "query.jpg").read_bytes()).decode(), "pasted.jpg"])
    expect(page.locator(".picture-chip")).to_be_visible()


def test_without_a_script(visitor: Visitor) -> None:
    page = visitor.open("/?q=cat", java_script_enabled=False)
    assert page.locator("#grid .card img").count() == 40
    page.get_by_role("link", name="Next page").click()
    assert "page=2" in page.url
    page.locator("#grid .card a").first.click()
    expect(page.locator(".plain-detail img")).to_be_visible()
    page.fill("#q", "dog")
    page.press("#q", "Enter")
    assert page.locator("#grid .card img").count() > 0
    shoot(page, "no-script-en-1440")


def test_suggestions_while_typing(visitor: Visitor) -> None:
    page = visitor.open("/?lang=en")
    options = page.locator("#suggestions [role=option]")
    page.locator("#q").press_sequentially("butte", delay=30)
    expect(options.first).to_contain_text("utterfly")
    page.press("#q", "ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    chosen = page.input_value("#q")
    page.press("#q", "ArrowUp")
    assert page.input_value("#q") == "butte"
    page.press("#q", "ArrowDown")
    page.press("#q", "Enter")
    settled(page)
    expect(page.locator("#suggestions")).to_be_hidden()
    expect(page).to_have_title(f"{chosen} · Tusou")
    expect(page.locator("#related .chip").first).to_be_visible()
    page.locator("#q").fill("")
    expect(options.first).to_have_text(chosen)  # what was searched here
    page.press("#q", "Escape")
    expect(page.locator("#suggestions")).to_be_hidden()
    search(page, "buterfly")
    page.locator("#related .correction .chip").click()
    settled(page)
    expect(page).to_have_title("butterfly · Tusou")
    page.locator(".brand").click()
    expect(page.locator("#recent .chip").first).to_have_text("butterfly")
    page.locator("#recent").get_by_role("button", name="Forget").click()
    expect(page.locator("#recent .chip")).to_have_count(0)


def test_pinyin_suggests_chinese_and_the_home_is_explored(visitor: Visitor) -> None:
    page = visitor.open("/", lang="zh-CN")
    page.locator("#q").press_sequentially("mao", delay=30)
    expect(page.locator("#suggestions [role=option]").first).to_contain_text("猫")
    shoot(page, "suggestions-zh-1440")
    page.press("#q", "Escape")
    page.locator(".themes a").first.click()
    settled(page)
    expect(page.locator(CARDS).first).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="红色").click()
    settled(page)
    assert "color=red" in page.url
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(page.url.split("?")[0])
    expect(page.locator(".supplier-row a").first).to_be_visible()
    assert not scrolls_sideways(page)
    shoot(page, "home-zh-390")


@pytest.mark.parametrize("lang", ["zh-CN", "en-US"])
@pytest.mark.parametrize("width", [320, 390])
def test_nothing_is_wider_than_a_phone(visitor: Visitor, lang: str, width: int) -> None:
    page = visitor.open("/", lang=lang)
    page.set_viewport_size({"width": width, "height": 800})
    assert not scrolls_sideways(page)
    page.goto(page.url.split("?")[0] + "?q=car")
    settled(page)
    assert not scrolls_sideways(page)
    shoot(page, f"results-{lang[:2]}-{width}")
