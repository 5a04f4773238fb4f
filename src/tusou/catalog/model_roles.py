"""Which models a library is embedded with: the one in use, the one to come, the one before.

The roles are rows of the catalog, so a switch is one transaction, and every process sees it at its next look.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from tusou.catalog.catalog import Catalog
from tusou.catalog.library import Library
from tusou.catalog.schema import model_roles
from tusou.errors import CatalogError

Role = Literal["current", "next", "previous"]


@dataclass(frozen=True, slots=True)
class LibraryModel:
    """A model with a role in a library, known without opening a bundle.

    Attributes:
        model_id: Keeps embeddings of different models apart.
        dim: Length of an embedding.
    """

    model_id: str
    dim: int


def models_by_role(catalog: Catalog) -> dict[Role, LibraryModel]:
    """The library's models; ``current`` is missing until something is embedded."""
    with catalog.engine.connect() as connection:
        return _read(connection)


def current_model(catalog: Catalog) -> LibraryModel | None:
    """The model searches and ingest use; None until something is embedded."""
    return models_by_role(catalog).get("current")


def adopt_model(catalog: Catalog, model: LibraryModel) -> None:
    """Make a model the current one of a library that has none yet."""
    with catalog.engine.begin() as connection:
        roles = _locked(connection)
        if "current" not in roles:
            _write(connection, {**roles, "current": model})


def announce_model(catalog: Catalog, model: LibraryModel) -> None:
    """Say which model a switch leads to, in place of any other that was to come."""
    with catalog.engine.begin() as connection:
        _write(connection, {**_locked(connection), "next": model})


def withdraw_model(catalog: Catalog) -> None:
    """Let no model be to come; its embeddings stay until they are dropped."""
    with catalog.engine.begin() as connection:
        roles = _locked(connection)
        roles.pop("next", None)
        _write(connection, roles)


def promote_model(catalog: Catalog, model_id: str) -> None:
    """The swap: the next model becomes current and the current one previous, in one durable transaction.

    Raises:
        CatalogError: The next model is another one by now.
    """
    with catalog.engine.begin() as connection:
        roles = _locked(connection)
        coming = roles.pop("next", None)
        if coming is None or coming.model_id != model_id:
            raise CatalogError(
                f"{model_id} is not to come any more (now {coming}); run `tusou models use` again",
                reason="switch_withdrawn",
            )
        if "current" in roles:
            roles["previous"] = roles["current"]
        _write(connection, {**roles, "current": coming})


def roll_back(catalog: Catalog) -> LibraryModel:
    """Swap the current and the previous model, in one durable transaction; returns the one now current.

    Raises:
        CatalogError: There is no previous model.
    """
    with catalog.engine.begin() as connection:
        roles = _locked(connection)
        if "previous" not in roles:
            raise CatalogError(
                f"{catalog.path.parent} was never switched, so there is no model to go back to; "
                "`tusou models use NAME` switches to another",
                reason="no_previous_model",
            )
        roles |= {"current": roles["previous"], "previous": roles["current"]}
        _write(connection, roles)
        return roles["current"]


def roll_back_library(path: Path) -> LibraryModel:
    """Go back to the model before, at once: one transaction, no lock; returns the model now in use.

    Images that came since the switch are not embedded with it yet: see ingest.switch.catch_up_model.

    Raises:
        CatalogError: There is no model before.
    """
    with (
        Library.open(path) as library,
        closing(Catalog(library.path / "catalog.sqlite", writer=True)) as catalog,
    ):
        return roll_back(catalog)


def _locked(connection: Connection) -> dict[Role, LibraryModel]:
    """The roles, which no other process changes before this transaction ends."""
    connection.execute(update(model_roles).values(role=model_roles.c.role))  # takes the write lock
    return _read(connection)


def _read(connection: Connection) -> dict[Role, LibraryModel]:
    query = select(model_roles.c.role, model_roles.c.model_id, model_roles.c.dim)
    return {role: LibraryModel(model_id, dim) for role, model_id, dim in connection.execute(query)}


def _write(connection: Connection, roles: Mapping[Role, LibraryModel]) -> None:
    connection.execute(delete(model_roles))
    values = [{"role": role, "model_id": m.model_id, "dim": m.dim} for role, m in roles.items()]
    if values:
        connection.execute(insert(model_roles), values)
