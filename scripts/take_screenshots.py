"""Take the README's pictures of the page from a library that `make demo` filled.

.venv/bin/python scripts/take_screenshots.py --library library

Needs Debian's chromium. The pictures are reduced to 256 colours, so that a clone stays small.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browser_tools import FLAGS, chromium_path, serve  # noqa: E402 - lies beside the tests that use it

PAGES = {
    "page-zh.png": ("zh-CN", "/?q=花"),
    "page-en.png": ("en-US", "/?q=sea"),
    "home-zh.png": ("zh-CN", "/"),
    "collections-zh.png": ("zh-CN", "/collections"),
    "manage-en.png": ("en-US", "/manage"),
    "upload-en.png": ("en-US", "/upload"),
}


def main() -> int:
    """Write docs/images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path, default=ROOT / "library")
    library = parser.parse_args().library
    folder = ROOT / "docs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with serve(library) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        for name, (lang, path) in PAGES.items():
            page = browser.new_page(viewport={"width": 1440, "height": 900}, locale=lang)
            for _ in range(5):  # the last visit shows the time of a warm search
                page.goto(f"{address}{path}", wait_until="networkidle")
            page.wait_for_timeout(1000)
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            palette = picture.quantize(256, Image.Quantize.MEDIANCUT)
            picture.quantize(palette=palette).save(folder / name, optimize=True)  # dithered
            print(f"{folder / name}: {(folder / name).stat().st_size / 1000:.0f} kB")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
