"""The IIIF Image API 3.0, level 2."""

from __future__ import annotations

import io
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tusou.errors import QueryError
from tusou.imaging.iiif import carry_out, parse_request


@pytest.fixture
def address(http: httpx.Client) -> str:
    found = http.get("/api/v1/search/images", params={"q": "snow mountain"}).json()["results"][0]
    return f"/iiif/3/{found['id']}"


def opened(http: httpx.Client, path: str) -> Image.Image:
    answer = http.get(path)
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def test_the_description(http: httpx.Client, address: str) -> None:
    answer = http.get(f"{address}/info.json")
    found = answer.json()
    assert (found["width"], found["height"], found["profile"]) == (900, 600, "level2")
    assert found["id"].endswith(address)
    assert "level2" in answer.headers["link"]
    moved = http.get(address)
    assert (moved.status_code, moved.headers["location"]) == (303, found["id"] + "/info.json")
    assert http.get("/iiif/3/nosuch/info.json").status_code == 404


@pytest.mark.parametrize(
    ("request_path", "size", "image_format"),
    [
        ("full/max/0/default.jpg", (900, 600), "JPEG"),
        ("full/300,/0/default.png", (300, 200), "PNG"),
        ("full/,300/0/color.jpg", (450, 300), "JPEG"),
        ("full/pct:50/90/default.jpg", (300, 450), "JPEG"),
        ("full/!200,200/0/gray.jpg", (200, 133), "JPEG"),
        ("square/100,100/180/bitonal.png", (100, 100), "PNG"),
        ("100,50,400,200/max/270/default.jpg", (200, 400), "JPEG"),
        ("pct:50,50,100,50/max/0/default.jpg", (450, 300), "JPEG"),
        ("full/90,90/0/default.jpg", (90, 90), "JPEG"),
    ],
)
def test_requests(
    http: httpx.Client, address: str, request_path: str, size: tuple[int, int], image_format: str
) -> None:
    picture = opened(http, f"{address}/{request_path}")
    assert (picture.size, picture.format) == (size, image_format)


@pytest.mark.parametrize(
    "request_path",
    [
        "half/max/0/default.jpg",
        "full/901,/0/default.jpg",
        "full/,/0/default.jpg",
        "full/0,10/0/default.jpg",
        "full/max/45/default.jpg",
        "full/max/0/sepia.jpg",
        "full/max/0/default.gif",
        "900,0,10,10/max/0/default.jpg",
        "0,0,0,10/max/0/default.jpg",
        "full/^max/0/default.jpg",
        "full/pct:101/0/default.jpg",
        "-1,0,9,9/max/0/default.jpg",
    ],
)
def test_what_cannot_be_asked(http: httpx.Client, address: str, request_path: str) -> None:
    assert http.get(f"{address}/{request_path}").status_code == 422


def picture() -> Any:
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, 0] = 255
    return pixels


def test_turned_clockwise_and_cut_where_it_was_asked() -> None:
    turned = carry_out(picture(), parse_request(6, 4, "full", "max", "90", "default", "png"))
    assert (
        np.asarray(Image.open(io.BytesIO(turned)))[0, 3].tolist() == [255] * 3
    )  # top left came to top right
    part = carry_out(picture(), parse_request(6, 4, "1,0,3,2", "max", "0", "default", "png"))
    assert np.asarray(Image.open(io.BytesIO(part))).max() == 0


def test_the_error_names_what_is_expected() -> None:
    with pytest.raises(QueryError, match="nothing is enlarged"):
        parse_request(6, 4, "full", "7,", "0", "default", "png")
