"""Searches by picture: bytes, ids, regions, with words, and copies apart from look-alikes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from search_builders import BLUE, GREEN, RED, World, ask, items, jpeg, png, solid, striped, textured
from tusou.errors import CatalogError, DecodeError, ImageTooLarge, QueryError
from tusou.imaging.decode import DecodedImage
from tusou.index.base import TextQuery
from tusou.ranking.features import RankingQuery
from tusou.search.answer import search_direction
from tusou.search.engine import SearchEngine
from tusou.types import Region, SearchRequest

HALF_AND_HALF = striped({RED: 64, BLUE: 64}, height=64)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("images"))
    made.add_many(
        [
            (solid(RED), {"item_id": "red", "title_en": "Car"}),
            (solid(BLUE), {"item_id": "blue", "title_en": "Sea"}),
            (HALF_AND_HALF, {"item_id": "half", "title_en": "Flag"}),
            (solid(GREEN), {"item_id": "green", "title_en": "Leaf", "supplier": "zoo"}),
            (textured(1), {"item_id": "texture"}),
            (textured(1), {"item_id": "texture-again", "supplier": "zoo"}),
            (textured(2), {"item_id": "other-texture"}),
        ]
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def engine(world: World) -> Iterator[SearchEngine]:
    opened = world.engine()
    yield opened
    opened.close()


def image_id(world: World, item_id: str, supplier: str = "acme") -> str:
    record = world.library.catalog.find(supplier, item_id)
    assert record is not None
    return record.image_id


def test_a_picture_finds_pictures_like_it(engine: SearchEngine) -> None:
    page = ask(engine, image=png(solid(RED)))
    assert items(page)[:2] == ["red", "half"]
    assert page.notes == ()
    assert page.hits[0].score > page.hits[1].score


def test_a_library_image_is_not_similar_to_itself(engine: SearchEngine, world: World) -> None:
    by_id = ask(engine, image_id=image_id(world, "red"))
    assert items(by_id)[0] == "half"
    assert "red" not in items(by_id)
    assert by_id.total == 6


def test_a_region_is_searched_by_what_it_shows(engine: SearchEngine, world: World) -> None:
    right = Region(0.5, 0.0, 0.5, 1.0)
    assert items(ask(engine, image=png(HALF_AND_HALF), region=right))[0] == "blue"
    assert items(ask(engine, image_id=image_id(world, "half"), region=right))[0] == "blue"


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        (Region(0.5, 0, 0.6, 1), "bad_region"),
        (Region(-0.1, 0, 0.5, 1), "bad_region"),
        (Region(0, 0, 0, 1), "bad_region"),
        (Region(0, 0, float("nan"), 1), "bad_region"),
        (Region(0, 0, 0.01, 0.01), "region_too_small"),
    ],
)
def test_regions_outside_the_picture_are_refused(engine: SearchEngine, region: Region, reason: str) -> None:
    with pytest.raises(QueryError) as caught:
        ask(engine, image=png(HALF_AND_HALF), region=region)
    assert caught.value.reason == reason


def test_words_picture_and_filters_work_together(engine: SearchEngine) -> None:
    red = png(solid(RED))
    assert items(ask(engine, "blue", image=red, image_weight=0.0))[0] == "blue"
    assert items(ask(engine, "blue", image=red, image_weight=1.0))[0] == "red"
    assert items(ask(engine, "blue", image=red, image_weight=0.45))[0] == "half"
    assert set(items(ask(engine, "blue supplier:zoo -leaf", image=red))) == {"texture-again"}


def test_the_same_bytes_come_first_in_mode_same(engine: SearchEngine) -> None:
    page = ask(engine, image=png(textured(1)), mode="same", explain=True)
    assert items(page) == ["texture", "texture-again"]
    assert [hit.score for hit in page.hits] == [1.0, 1.0]
    explanation = page.hits[0].explanation
    assert explanation is not None
    assert explanation.sources == ("sha256",)
    assert explanation.percentile is None


@pytest.mark.parametrize("size", [(240, 320), (120, 160), (480, 640)])
def test_a_recompressed_or_resized_copy_is_found_and_others_are_not(
    engine: SearchEngine, size: tuple[int, int]
) -> None:
    copy = jpeg(textured(1, *size), quality=40)
    assert set(items(ask(engine, image=copy, mode="same"))) == {"texture", "texture-again"}


def test_copies_of_a_library_image_leave_itself_out(engine: SearchEngine, world: World) -> None:
    assert items(ask(engine, image_id=image_id(world, "texture"), mode="same")) == ["texture-again"]
    assert items(ask(engine, image_id=image_id(world, "other-texture"), mode="same")) == []


def test_filters_hold_in_mode_same_and_words_are_ignored(engine: SearchEngine) -> None:
    page = ask(engine, "car supplier:zoo", image=png(textured(1)), mode="same")
    assert items(page) == ["texture-again"]
    assert page.notes == ("words_ignored",)


def test_a_picture_that_is_too_large_or_broken_is_refused(engine: SearchEngine) -> None:
    with pytest.raises(DecodeError):
        ask(engine, image=png(textured(1))[:200])
    with pytest.raises(ImageTooLarge) as caught:
        ask(engine, image=bytes(engine.library.config.max_upload_bytes + 1))
    assert caught.value.reason == "too_many_bytes"


def test_a_region_of_an_image_whose_original_is_gone(engine: SearchEngine, world: World) -> None:
    gone = image_id(world, "green", "zoo")
    world.library.original_path(world.library.catalog.get(gone)).unlink()
    with pytest.raises(CatalogError) as caught:
        ask(engine, image_id=gone, region=Region(0, 0, 1, 1))
    assert caught.value.reason == "original_missing"
    assert "green" not in items(ask(engine, image_id=gone))


def test_servers_bring_their_own_decoder(world: World) -> None:
    calls = []

    def decode(data: bytes) -> DecodedImage:
        calls.append(len(data))
        return DecodedImage(solid(BLUE), None, 32, 32, "png", 1, None, (), ())

    opened = SearchEngine.open(world.library, world.encoder, decode=decode)
    assert items(opened.search(SearchRequest(image=b"anything")))[0] == "blue"
    assert calls == [8]
    opened.close()


def test_words_and_picture_that_cancel_out_still_have_a_direction() -> None:
    one = np.eye(8, dtype=np.float32)[0]
    direction = search_direction(RankingQuery(TextQuery(), one, -one, image_weight=0.5))
    assert direction is not None
    assert np.isfinite(direction).all()
