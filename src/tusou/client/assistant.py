"""The library as tools of an assistant, over the Model Context Protocol.

The tools ask a tusou server through its HTTP API, with a key of their own, so that an assistant may do what
that key may and nothing else.
"""

from __future__ import annotations

from typing import Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from tusou import __version__
from tusou.client.asynchronous import AsyncTusou
from tusou.client.calls import ApiError
from tusou.client.results import Image
from tusou.types import Medium, Purpose

INSTRUCTIONS = """\
A library of licensed images. Search in Chinese or English, by words or by a library image. Every image has a
licence: before you recommend one for a purpose, ask may_use; when you hand one out, pass its attribution line
on. An answer may hold images that merely come nearest: trust those with a high probability, and say so when
there are none.
"""
MOST = 20


def assistant_server(base_url: str, key: str = "", *, transport: Any = None) -> MCPServer[Any]:
    """Make the server; run() speaks over standard input and output.

    Args:
        base_url: Address of the tusou server.
        key: A key of that library, where it has accounts.
        transport: httpx's, for tests.
    """
    server: MCPServer[Any] = MCPServer(
        "tusou", title="Tusou 图搜", instructions=INSTRUCTIONS, version=__version__
    )

    def tusou() -> AsyncTusou:
        return AsyncTusou(base_url, key=key, transport=transport)

    @server.tool(name="search_images", title="Search images 检索图片")
    async def search_images(
        words: str,
        usage: Purpose | None = None,
        medium: Medium | None = None,
        supplier: list[str] | None = None,
        orientation: Literal["landscape", "portrait", "square", "panoramic"] | None = None,
        color: list[str] | None = None,
        count: int = 8,
        lang: Literal["zh", "en"] = "en",
    ) -> dict[str, Any]:
        """Find images by words in Chinese or English, -exclusions and filters.

        With usage (and medium) only images that may be used so are found. color takes names or hex.
        ``relevant`` says how many of them match; the others merely come nearest.
        """
        async with tusou() as api:
            answer = await _asked(
                api.search(
                    words, usage=usage, medium=medium, supplier=supplier, orientation=orientation,
                    color=color, per_page=max(1, min(count, MOST)), lang=lang,
                )
            )  # fmt: skip
        return {
            "total": answer.total,
            "relevant": answer.relevant,
            "images": [_item(image, base_url) for image in answer.images],
        }

    @server.tool(name="show_image", title="Show an image 查看图片")
    async def show_image(image_id: str, lang: Literal["zh", "en"] = "en") -> dict[str, Any]:
        """Everything about one image: texts, rights, attribution line, colours, addresses."""
        async with tusou() as api:
            return dict((await _asked(api.image(image_id, lang=lang))).raw)

    @server.tool(name="similar_images", title="Find similar images 查找相似图片")
    async def similar_images(
        image_id: str, count: int = 8, lang: Literal["zh", "en"] = "en"
    ) -> dict[str, Any]:
        """Images that look like one of the library."""
        async with tusou() as api:
            answer = await _asked(api.similar(image_id, per_page=max(1, min(count, MOST)), lang=lang))
        return {"images": [_item(image, base_url) for image in answer.images]}

    @server.tool(name="may_use", title="May this image be used so? 能否这样使用")
    async def may_use(
        image_id: str,
        purpose: Purpose,
        medium: Medium | None = None,
        territory: str = "",
        until: str = "",
        modify: bool = False,
    ) -> dict[str, Any]:
        """Judge a use by the image's licence and the agreements with its supplier.

        territory is a country code of two letters, until a day such as 2027-03-31; left empty they mean
        worldwide, and today alone.
        """
        async with tusou() as api:
            verdict = await _asked(
                api.may_use(image_id, purpose, medium=medium, territory=territory, until=until, modify=modify)
            )
        return {"allowed": verdict.allowed, "reasons": list(verdict.reasons), "duties": list(verdict.duties)}

    return server


async def _asked(waiting: Any) -> Any:
    """An answer; what the server refused becomes words for the assistant."""
    try:
        return await waiting
    except ApiError as error:
        raise ToolError(f"{error} [{error.reason}]") from error


def _item(image: Image, base_url: str) -> dict[str, Any]:
    """What an assistant needs to choose."""
    return {
        "id": image.id,
        "title": image.title,
        "description": image.description,
        "license": image.license,
        "attribution": image.attribution,
        "supplier": image.supplier,
        "size": f"{image.width}x{image.height}",
        "probability": image.probability,
        "thumbnail": base_url.rstrip("/") + image.thumbnail,
        "page": f"{base_url.rstrip('/')}/?view={image.id}",
    }
