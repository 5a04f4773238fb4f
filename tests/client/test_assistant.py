"""An assistant uses the library through the Model Context Protocol: in this process, and over a real pipe."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

from search_builders import World
from server_builder import build_world, serving
from tusou.client.assistant import assistant_server
from tusou.office.accounts import Account, Accounts, permissions_of
from tusou.office.store import Office


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = build_world(tmp_path_factory.mktemp("assistant"))
    yield world
    world.close()


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with serving(world) as (address, _):
        yield address


def call(server: Any, tool: str, **arguments: Any) -> Any:
    async def work() -> Any:
        async with Client(server) as client:
            return await client.call_tool(tool, arguments)

    return asyncio.run(work())


def test_the_tools(address: str) -> None:
    async def names() -> set[str]:
        async with Client(assistant_server(address)) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    assert asyncio.run(names()) == {"search_images", "show_image", "similar_images", "may_use"}


def test_search_show_similar_and_check(address: str) -> None:
    server = assistant_server(address)
    found = call(
        server, "search_images", words="雪山", usage="commercial", lang="zh", count=3
    ).structured_content
    first = found["images"][0]
    assert (first["title"], first["license"]) == ("雪山", "CC-BY-4.0")
    assert len(found["images"]) <= 3
    assert first["thumbnail"].startswith(address)
    shown = call(server, "show_image", image_id=first["id"]).structured_content
    assert shown["creator"] == "Ada Lin"
    assert call(server, "similar_images", image_id=first["id"], count=2).structured_content["images"]
    verdict = call(
        server, "may_use", image_id=first["id"], purpose="commercial", medium="print"
    ).structured_content
    assert verdict == {"allowed": True, "reasons": [], "duties": ["attribution"]}


def test_refusals_come_in_words(address: str) -> None:
    answer = call(assistant_server(address), "show_image", image_id="nosuch")
    assert answer.is_error
    assert "image_not_found" in answer.content[0].text
    assert call(assistant_server("http://127.0.0.1:9"), "search_images", words="x").is_error
    assert call(assistant_server(address), "may_use", image_id="x", purpose="war").is_error


def test_over_a_pipe_with_a_key(tmp_path: Any) -> None:
    world = build_world(tmp_path)
    office = Office(world.library.path)
    accounts = Accounts(office)
    accounts.add_user("root", "li", "correct horse battery", "admin")
    _, key = accounts.make_key(Account("li", "admin", permissions_of("admin")), "assistant", ["search"])
    office.close()
    with serving(world) as (address, _):
        for given, is_error in ((key, False), ("wrong", True)):
            command = StdioServerParameters(
                command=sys.executable,
                args=["-m", "tusou", "mcp", "--server", address],
                env={"TUSOU_KEY": given},
            )
            assert call(command, "search_images", words="snow").is_error is is_error
    world.close()
