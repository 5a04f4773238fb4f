"""Both clients against a real server."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_builders import World, png
from server_builder import PICTURES, build_world, serving
from tusou.client import ApiError, AsyncTusou, Tusou


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = build_world(tmp_path_factory.mktemp("client"))
    yield world
    world.close()


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with serving(world) as (address, state):
        state.suggestions.refresh()
        yield address


@pytest.fixture
def tusou(address: str) -> Iterator[Tusou]:
    with Tusou(address) as tusou:
        yield tusou


def test_search_and_page_through(tusou: Tusou) -> None:
    answer = tusou.search("snow", usage="commercial", explain=True)
    assert answer.images[0].title == "Snow mountain"
    assert answer.images[0].raw["explain"]
    assert answer.total == len(answer.images)
    every = list(tusou.search_all("", per_page=7))
    assert len({image.id for image in every}) == 30
    assert [image.supplier for image in tusou.search("supplier:acme", orientation=["portrait"]).images] == [
        "acme"
    ]


def test_search_by_image(tusou: Tusou, tmp_path: Path) -> None:
    data = png(PICTURES[0][0])
    (tmp_path / "snow.png").write_bytes(data)
    for picture in (data, tmp_path / "snow.png"):
        assert tusou.search_by_image(picture, mode="same").images[0].title == "Snow mountain"
    image = tusou.search("snow").images[0]
    assert image.id not in [other.id for other in tusou.search_by_image(image.id).images]
    assert tusou.similar(image.id, per_page=3).images[0].id != image.id
    with pytest.raises(ApiError) as caught:
        tusou.search_by_image("http://127.0.0.1/x.png")
    assert caught.value.reason == "private_address"


def test_license_download_and_collect(tusou: Tusou, tmp_path: Path) -> None:
    image = tusou.image(tusou.search("snow").images[0].id, lang="zh")
    assert image.title == "雪山"
    verdict = tusou.may_use(image.id, "commercial", medium="print", modify=True)
    assert (verdict.allowed, verdict.duties) == (True, ("attribution",))
    grant = tusou.license(image.id, "commercial", "春", medium="print")
    path = tusou.download(grant, tmp_path / "x.jpg", size="512", image_format="jpeg")
    assert path.read_bytes().startswith(b"\xff\xd8")
    made = tusou.create_collection("封面")
    assert tusou.collect(made.id, [image.id]) == 1
    assert tusou.collections()[0].count == 1
    assert "mountain" in tusou.suggestions("moun")


def test_the_change_feed(tusou: Tusou, world: World) -> None:
    changes = tusou.updated(limit=200)
    assert len(changes) == 30
    assert [change["number"] for change in changes] == sorted(change["number"] for change in changes)
    gone = world.add(title_en="short")
    world.remove(gone)
    later = tusou.updated(since=changes[-1]["number"])
    assert [(change["image_id"], change["kind"]) for change in later] == [(gone, "upsert"), (gone, "delete")]


def test_refusals(tusou: Tusou, tmp_path: Path) -> None:
    leaf = tusou.search("leaf").images[0].id
    with pytest.raises(ApiError) as caught:
        tusou.license(leaf, "commercial")
    assert (caught.value.status, caught.value.reason) == (403, "use_not_allowed")
    assert caught.value.request_id
    with pytest.raises(ApiError, match="Not Found"):
        tusou.image("nosuch/../x")
    grant = tusou.license(leaf, "education")
    broken = type(grant)(
        **{
            **{name: getattr(grant, name) for name in grant.__slots__},
            "download_location": "/api/v1/licenses/nosuch/file",
        }
    )
    with pytest.raises(ApiError):
        tusou.download(broken, tmp_path / "none.png")
    assert list(tmp_path.iterdir()) == []


def test_nobody_there() -> None:
    with Tusou("http://127.0.0.1:9") as tusou, pytest.raises(ApiError) as caught:
        tusou.search("snow")
    assert (caught.value.status, caught.value.reason) == (0, "unreachable")


def test_the_same_for_asyncio(address: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with AsyncTusou(address) as tusou:
            answers = await asyncio.gather(*(tusou.search(q) for q in ("snow", "red car")))
            assert [answer.images[0].title for answer in answers] == ["Snow mountain", "A red car"]
            grant = await tusou.license(answers[0].images[0].id, "editorial")
            assert (await tusou.download(grant, tmp_path / "x.png")).stat().st_size > 100
            assert len([image async for image in tusou.search_all("", per_page=11)]) >= 30
            with pytest.raises(ApiError):
                await tusou.image("nosuch")

    asyncio.run(work())


def test_both_clients_have_the_same_methods() -> None:
    def signatures(cls: type) -> dict[str, str]:
        found = inspect.getmembers(cls, inspect.isfunction)
        return {
            name: str(inspect.signature(each).parameters) for name, each in found if not name.startswith("_")
        }

    assert signatures(Tusou) == signatures(AsyncTusou)
