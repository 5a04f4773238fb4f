"""What browser tests share: a part of the demo library, a real server, a visitor who notes complaints."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from server_builder import serve_command

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "demo"
SHOTS = ROOT / "artifacts" / "screenshots"
SUPPLIERS = ("gcompris", "lomiri", "openclipart", "tuxpaint")
EVERY = 16  # besides what the demo's queries name, one image in so many
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    return os.environ.get("TUSOU_CHROMIUM") or shutil.which("chromium")


def copy_part(source: Path, target: Path, wanted: set[str]) -> None:
    """Copy the wanted items of a shard folder, and some others."""
    target.mkdir(parents=True)
    shutil.copy(source / "supplier.json", target)
    shard = next(source.glob("*.tar"))
    with tarfile.open(shard) as full, tarfile.open(target / shard.name, "w") as part:
        members = full.getmembers()
        stems = list(dict.fromkeys(member.name.rsplit(".", 1)[0] for member in members))
        kept = {stem for i, stem in enumerate(stems) if i % EVERY == 0 or stem in wanted}
        for member in members:
            if member.name.rsplit(".", 1)[0] in kept:
                part.addfile(member, full.extractfile(member))


def ingest_part(folder: Path) -> Path:
    """Make a library of a part of the demo in a folder, with the command line; returns its path."""
    queries = json.loads((DEMO / "queries.json").read_text("utf-8"))
    named = {item for query in queries for item in query["relevant"]}
    for source in (DEMO / name for name in SUPPLIERS):
        wanted = {item.partition("/")[2] for item in named if item.startswith(f"{source.name}/")}
        copy_part(source, folder / source.name, wanted)
        command = [sys.executable, "-m", "tusou", "ingest", str(folder / source.name)]
        options = ["--supplier", source.name, "--library", str(folder / "library")]
        subprocess.run([*command, *options], check=True, capture_output=True)
    return folder / "library"


@contextmanager
def serve(library: Path) -> Iterator[str]:
    """Run `tusou serve`; yields the address without a slash at the end. SIGTERM has to end it with 0."""
    with serve_command(library) as (server, address):
        yield address
        server.terminate()
        assert server.wait(15) == 0


class Visitor:
    """Opens pages and notes every complaint of the browser."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser = browser
        self.address = address
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.expected: list[str] = []

    def open(self, path: str = "/", *, lang: str = "en-US", width: int = 1440, **more: Any) -> Page:
        """Open a page in a context of its own; further arguments go to the context."""
        view: Any = {"width": width, "height": 900 if width > 500 else 844}
        context = self.browser.new_context(viewport=view, locale=lang, base_url=self.address, **more)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.goto(path)
        page.wait_for_load_state("networkidle")
        return page

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(part in text for part in self.expected):
            self.complaints.append(f"{kind}: {text}")

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def shoot(page: Page, name: str) -> None:
    """Keep a picture of the page among the CI artefacts."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.wait_for_timeout(400)  # fade-ins
    page.screenshot(path=SHOTS / f"{name}.png")
