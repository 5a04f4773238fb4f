"""Which model a library uses is a fact of its catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tusou.catalog.catalog import Catalog
from tusou.catalog.library import Library
from tusou.catalog.model_roles import (
    LibraryModel,
    adopt_model,
    announce_model,
    current_model,
    models_by_role,
    promote_model,
    roll_back,
    withdraw_model,
)
from tusou.catalog.records import Batch, Segment
from tusou.errors import CatalogError

A, B, C = LibraryModel("a-1-00000000", 8), LibraryModel("b-1-00000000", 4), LibraryModel("c-1-00000000", 2)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library.create(tmp_path / "lib") as library:
        yield library


@pytest.fixture
def catalog(library: Library) -> Catalog:
    return library.catalog


def test_a_new_library_has_no_model_and_adopts_the_first(catalog: Catalog) -> None:
    assert current_model(catalog) is None
    adopt_model(catalog, A)
    adopt_model(catalog, B)
    assert models_by_role(catalog) == {"current": A}


def test_a_switch_and_its_rollback(catalog: Catalog) -> None:
    adopt_model(catalog, A)
    announce_model(catalog, B)
    assert models_by_role(catalog) == {"current": A, "next": B}
    promote_model(catalog, B.model_id)
    assert models_by_role(catalog) == {"current": B, "previous": A}
    assert roll_back(catalog) == A
    assert models_by_role(catalog) == {"current": A, "previous": B}
    assert roll_back(catalog) == B


def test_a_second_switch_keeps_only_the_latest_before(catalog: Catalog) -> None:
    adopt_model(catalog, A)
    for model in (B, C):
        announce_model(catalog, model)
        promote_model(catalog, model.model_id)
    assert models_by_role(catalog) == {"current": C, "previous": B}


def test_another_announcement_takes_the_place_of_the_first(catalog: Catalog) -> None:
    adopt_model(catalog, A)
    announce_model(catalog, B)
    announce_model(catalog, C)
    with pytest.raises(CatalogError, match="b-1-00000000 is not to come") as caught:
        promote_model(catalog, B.model_id)
    assert caught.value.reason == "switch_withdrawn"
    withdraw_model(catalog)
    assert models_by_role(catalog) == {"current": A}


def test_a_rollback_while_a_switch_is_half_done_leaves_it_alone(catalog: Catalog) -> None:
    adopt_model(catalog, A)
    announce_model(catalog, B)
    promote_model(catalog, B.model_id)
    announce_model(catalog, C)
    roll_back(catalog)
    assert models_by_role(catalog) == {"current": A, "next": C, "previous": B}


def test_without_a_previous_model_there_is_no_way_back(catalog: Catalog) -> None:
    adopt_model(catalog, A)
    with pytest.raises(CatalogError, match="never switched") as caught:
        roll_back(catalog)
    assert caught.value.reason == "no_previous_model"
    assert current_model(catalog) == A


def test_an_older_library_names_the_model_it_has_most_of(library: Library) -> None:
    catalog = library.catalog
    catalog.apply(Batch(segments=[Segment(A.model_id, A.dim, 0, 7, 0), Segment(B.model_id, B.dim, 0, 5, 0)]))
    with catalog.engine.begin() as connection:
        connection.execute(text("DROP TABLE model_roles"))
        connection.execute(text("UPDATE counters SET value = 1 WHERE name = 'schema'"))
    old_index = library.index_path
    old_index.mkdir()
    (old_index / "manifest.json").write_text("{}")
    library.close()
    with Library.open(library.path, writer=True) as migrated:
        assert models_by_role(migrated.catalog) == {"current": A}
        assert not old_index.exists()
