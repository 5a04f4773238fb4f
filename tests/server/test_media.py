"""Bytes of pictures: safe types, safe names, caching."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from search_builders import World
from tusou.server.workers import ByteCache

SEARCH = "/api/v1/search/images"


@pytest.fixture
def item(http: httpx.Client) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = http.get(SEARCH, params={"q": "snow mountain"}).json()["results"][0]
    return found


def pixels_of(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def size(answer: httpx.Response) -> tuple[int, int]:
    assert answer.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == "JPEG"
        return image.size


def test_thumbnail_by_content_is_kept_for_ever(http: httpx.Client, item: dict[str, dict[str, str]]) -> None:
    answer = http.get(item["urls"]["thumb"])
    assert size(answer) == (512, 341)
    assert "immutable" in answer.headers["cache-control"]
    again = http.get(item["urls"]["thumb"], headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_thumbnail_by_image_id_is_kept_for_a_while(http: httpx.Client, item: dict[str, str]) -> None:
    answer = http.get(f"/media/thumbnails/{item['id']}.jpg")
    assert size(answer) == (512, 341)
    assert "immutable" not in answer.headers["cache-control"]


def test_preview_is_made_from_the_original(http: httpx.Client, item: dict[str, dict[str, str]]) -> None:
    answer = http.get(item["urls"]["regular"])
    assert size(answer) == (900, 600)  # never larger than the original
    assert "immutable" in answer.headers["cache-control"]
    assert http.get(item["urls"]["regular"]).content == answer.content
    unpinned = http.get(f"/media/previews/{item['id']}", params={"v": "00000000"})
    assert "immutable" not in unpinned.headers["cache-control"]


def test_preview_sizes_are_a_fixed_few(http: httpx.Client, item: dict[str, str]) -> None:
    assert http.get(f"/media/previews/{item['id']}", params={"size": "9999"}).status_code == 422


def test_small_originals_need_no_preview(http: httpx.Client) -> None:
    urls = http.get(SEARCH, params={"q": "red car"}).json()["results"][0]["urls"]
    assert urls["full"] == urls["regular"] == urls["thumb"]


def test_original_is_a_harmless_download(http: httpx.Client, item: dict[str, str], world: World) -> None:
    refused = http.get(f"/media/originals/{item['id']}")
    assert (refused.status_code, refused.json()["code"]) == (403, "license_needed")
    grant = http.post("/api/v1/licenses", json={"image_id": item["id"], "purpose": "personal"}).json()["id"]
    answer = http.get(f"/media/originals/{item['id']}", params={"license": grant})
    original = world.library.original_path(world.library.catalog.get(item["id"])).read_bytes()
    assert (pixels_of(answer.content) == pixels_of(original)).all()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''snow-mountain.png"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["0" * 64, "..%2f..%2fetc%2fpasswd", "nosuch"])
def test_unknown_thumbnails(http: httpx.Client, name: str) -> None:
    assert http.get(f"/media/thumbnails/{name}.jpg").status_code == 404


def test_byte_cache_drops_the_oldest() -> None:
    cache = ByteCache(10)
    cache.put("a", b"1234")
    cache.put("b", b"1234")
    assert cache.get("a") == b"1234"
    cache.put("c", b"1234")  # b is now the oldest
    assert (cache.get("b"), cache.get("a"), cache.get("c")) == (None, b"1234", b"1234")
    cache.put("c", b"1")
    assert cache.size == 5
    cache.put("d", b"x" * 11)
    assert (cache.get("d"), cache.size) == (None, 0)


def test_a_comp_is_marked_all_over(http: httpx.Client, item: dict[str, str]) -> None:
    answer = http.get(f"/media/comps/{item['id']}")
    assert answer.headers["content-disposition"].endswith(f"comp-{item['id']}.jpg")
    comp = pixels_of(answer.content).astype(int)
    assert comp.shape == (600, 900, 3)
    with Image.open(io.BytesIO(http.get(f"/iiif/3/{item['id']}/full/max/0/default.png").content)) as clean:
        changed = np.abs(comp - np.asarray(clean.convert("RGB"), int)).max(axis=2) > 24
    tiles = changed.reshape(4, 150, 6, 150).mean(axis=(1, 3))
    assert tiles.min() > 0.01  # no part of the picture is clean
    assert http.get("/media/comps/nosuch").status_code == 404
