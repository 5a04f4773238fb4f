"""What may not be shown is not found, and neither is what a use does not allow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import striped
from search_builders import GREY, RED, World, ask, items
from tusou.office.rights import Rights
from tusou.office.store import Office
from tusou.office.uses import Agreement
from tusou.search.engine import SearchEngine
from tusou.types import Use


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    licences = ["CC0-1.0", "CC-BY-NC-4.0", "LicenseRef-RightsManaged", ""]
    for place, (supplier, license_) in enumerate((s, code) for s in ("acme", "zoo") for code in licences):
        picture = striped({RED: 40, GREY: 8 + place})
        name = f"{supplier}-{['free', 'nc', 'rm', 'unknown'][place % 4]}"
        world.add(picture, supplier=supplier, item_id=name, title_en="red", license=license_)
    yield world
    world.close()


@pytest.fixture
def engine(world: World) -> Iterator[SearchEngine]:
    engine = world.engine()
    yield engine
    engine.close()


@pytest.fixture
def rights(world: World) -> Iterator[Rights]:
    office = Office(world.library.path)
    yield Rights(office)
    office.close()


def found(engine: SearchEngine, use: Use | None = None, q: str = "red") -> set[str]:
    return set(items(ask(engine, q, use=use)))


def test_without_agreements_licences_decide(engine: SearchEngine) -> None:
    assert len(found(engine)) == 8
    assert found(engine, Use("commercial")) == {"acme-free", "zoo-free"}
    assert found(engine, Use("education")) == {"acme-free", "acme-nc", "zoo-free", "zoo-nc"}
    assert found(engine, Use("commercial"), "supplier:zoo") == {"zoo-free"}


def test_an_agreement_covers_what_licences_do_not_say(engine: SearchEngine, rights: Rights) -> None:
    rights.agree("li", Agreement("", "acme", "Web", media=("web",)))
    engine.agreements = rights.agreements
    assert found(engine, Use("commercial", "web")) == {"acme-free", "acme-rm", "acme-unknown", "zoo-free"}
    assert found(engine, Use("commercial", "print")) == {"zoo-free"}
    assert len(found(engine)) == 8


def test_images_of_an_ended_agreement_are_gone_everywhere(world: World, rights: Rights) -> None:
    engine = world.engine()
    assert len(found(engine)) == 8
    rights.agree("li", Agreement("", "acme", "Old", ends="2020-12-31"))
    engine.agreements = rights.agreements
    assert found(engine) == {"zoo-free", "zoo-nc", "zoo-rm", "zoo-unknown"}
    page = ask(engine, "", facets=True)
    assert page.total == 4
    assert dict(page.facets["supplier"]) == {"zoo": 4}
    own = ask(engine, "", image_id=page.hits[0].image.image_id)
    assert all(name.startswith("zoo") for name in items(own))
    assert found(engine, Use("commercial")) == {"zoo-free"}
    engine.close()


def test_another_process_sees_the_agreement(world: World, rights: Rights) -> None:
    rights.agree("li", Agreement("", "acme", "Old", ends="2020-12-31"))
    engine = world.engine()  # as `tusou search` opens it
    assert all(name.startswith("zoo") for name in found(engine))
    engine.close()


def test_a_use_nothing_allows(engine: SearchEngine, rights: Rights) -> None:
    for supplier in ("acme", "zoo"):
        rights.agree("li", Agreement("", supplier, "Print", media=("print",)))
    engine.agreements = rights.agreements
    assert found(engine, Use("commercial", "web")) == set()
