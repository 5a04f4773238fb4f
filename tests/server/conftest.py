"""One server for the whole folder: the tests only read."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from search_builders import World
from server_builder import build_world, serving
from tusou.server.state import ServerState


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = build_world(tmp_path_factory.mktemp("served"))
    yield world
    world.close()


@pytest.fixture(scope="session")
def served(world: World) -> Iterator[tuple[str, ServerState]]:
    with serving(world) as served:
        yield served


@pytest.fixture(scope="session")
def state(served: tuple[str, ServerState]) -> ServerState:
    return served[1]


@pytest.fixture(scope="session")
def http(served: tuple[str, ServerState]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served[0], timeout=30, trust_env=False) as client:
        yield client
