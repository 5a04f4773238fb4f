"""A small world behind a real server: real library, real index, real HTTP on a free port of loopback."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI

from fakes import solid, striped
from search_builders import BLACK, BLUE, GREEN, GREY, RED, WHITE, YELLOW, World, textured
from tusou.server.app import create_app
from tusou.server.run import bind, page_address
from tusou.server.state import ServerState
from tusou.types import Pixels


def gradient(top: tuple[int, int, int], bottom: tuple[int, int, int], height: int, width: int) -> Pixels:
    """A picture that fades from one colour to another."""
    share = np.linspace(0, 1, height)[:, None, None]
    rows = (1 - share) * np.array(top) + share * np.array(bottom)
    return np.broadcast_to(rows, (height, width, 3)).astype(np.uint8)


PICTURES: list[tuple[Pixels, dict[str, Any]]] = [
    (
        gradient(BLUE, WHITE, 600, 900),
        {
            "title_en": "Snow mountain", "title_zh": "雪山", "keywords_zh": ("雪山", "山峰"),
            "keywords_en": ("mountain", "snow"), "creator": "Ada Lin", "license": "CC-BY-4.0",
            "source_url": "https://example.org/snow", "filename": "snow mountain.png",
        },
    ),
    (striped({RED: 60, WHITE: 20}, 60), {"title_en": "A red car", "title_zh": "红车", "license": "CC0-1.0"}),
    (solid(GREEN, 50, 120), {"title_en": "Green leaf", "title_zh": "绿叶", "license": "CC-BY-NC-4.0"}),
    (solid(YELLOW, 90, 60), {"title_en": "Yellow sun", "title_zh": "太阳", "license": "CC-BY-SA-4.0"}),
    (solid(BLACK), {"title_en": "Night <script>alert(1)</script>", "title_zh": "黑夜"}),
    (striped({GREY: 30, BLUE: 30}), {"title_en": "Sea stone", "title_zh": "海边石", "license": "CC0-1.0"}),
]  # fmt: skip
"""What the world shows besides the textured pictures."""


def build_world(path: Path) -> World:
    """A library of two suppliers with thumbnails."""
    world = World(path)
    pictures = [(pixels, {"supplier": "acme", **fields}) for pixels, fields in PICTURES]
    pictures += [
        (
            textured(seed, 80 + seed % 3 * 30, 110),
            {"supplier": "zoo", "title_en": f"Blob {seed}", "title_zh": f"斑点 {seed}", "license": "CC0-1.0"},
        )
        for seed in range(24)
    ]
    world.add_many(pictures)
    return world


@contextmanager
def serving(world: World) -> Iterator[tuple[str, ServerState]]:
    """Run a server over the world; yields its address, without a slash at the end, and its state."""
    path = world.library.path
    states: list[ServerState] = []

    def open_state(library_path: Path) -> ServerState:
        states.append(ServerState.open(library_path, world.encoder))
        return states[0]

    with running(create_app(path, open_state=open_state)) as address:
        yield address, states[0]


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Run an app under uvicorn in a thread."""
    with bind("127.0.0.1", 0) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=2)
        )
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        assert server.started, "the server did not start"
        yield page_address(listener).rstrip("/")
        server.should_exit = True
        thread.join()


@contextmanager
def serve_command(library: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The real command in a process of its own, and its address."""
    command = [sys.executable, "-m", "tusou", "serve", "--library", str(library), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        lines = iter(server.stderr.readline, "")
        found = next(match for line in lines if (match := re.search(r"serving (http://\S+)/", line)))
        yield server, found[1]
        if server.poll() is None:
            server.kill()
