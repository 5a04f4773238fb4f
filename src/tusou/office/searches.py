"""Saved searches: kept by their address, and asked again for what is new since somebody looked."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from sqlalchemy import RowMapping, delete, insert, select, update

from tusou.errors import NotHere, OfficeError
from tusou.office.schema import searches
from tusou.office.store import Office, new_id

LONGEST_NAME, LONGEST_ADDRESS = 200, 2_000
MOST = 100
"""Saved searches of one person; each is asked again whenever they are listed."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search somebody wants to see again.

    Attributes:
        search_id: Random name.
        owner: Whose it is; nobody else sees it.
        name: What it is called.
        address: Parameters of the page, without the question mark (``q=雪山&usage=editorial``).
        created: When, POSIX seconds.
        seen: Until when its owner has looked; what entered the library later is new.
    """

    search_id: str
    owner: str
    name: str
    address: str
    created: float
    seen: float


class SavedSearches:
    """The saved searches of an office."""

    def __init__(self, office: Office) -> None:
        """Use an open office; it stays the caller's to close."""
        self._office = office

    def of(self, owner: str) -> list[SavedSearch]:
        """Somebody's, newest first."""
        query = select(searches).where(searches.c.owner == owner).order_by(searches.c.created.desc())
        with self._office.reading() as connection:
            return [_search(row) for row in connection.execute(query).mappings()]

    def add(self, owner: str, name: str, address: str) -> SavedSearch:
        """Keep a search; the caller knows that its address can be asked.

        Raises:
            OfficeError: Name or address are empty or too long (``bad_name``), or there are too many
                (``too_many_searches``).
        """
        if not name.strip() or len(name) > LONGEST_NAME or not address or len(address) > LONGEST_ADDRESS:
            raise OfficeError(
                f"a saved search needs a name of 1 to {LONGEST_NAME} characters and an address of at most "
                f"{LONGEST_ADDRESS}",
                reason="bad_name",
            )
        if len(self.of(owner)) >= MOST:
            raise OfficeError(f"{MOST} saved searches are the most; end some", reason="too_many_searches")
        made = SavedSearch(new_id(), owner, name.strip(), address, time.time(), time.time())
        with self._office.changing(owner) as change:
            change.connection.execute(insert(searches).values(**asdict(made)))
            change.record("search.save", f"search/{made.search_id}", after={"name": made.name})
        return made

    def look(self, owner: str, search_id: str) -> None:
        """Note that its owner has looked: nothing is new now.

        Raises:
            NotHere: The owner has none of this id.
        """
        with self._office.changing(owner) as change:
            mine = (searches.c.search_id == search_id, searches.c.owner == owner)
            done = change.connection.execute(update(searches).where(*mine).values(seen=change.at))
            if not done.rowcount:
                raise _unknown(search_id)

    def remove(self, owner: str, search_id: str) -> None:
        """End one.

        Raises:
            NotHere: The owner has none of this id.
        """
        with self._office.changing(owner) as change:
            mine = (searches.c.search_id == search_id, searches.c.owner == owner)
            if not change.connection.execute(delete(searches).where(*mine)).rowcount:
                raise _unknown(search_id)
            change.record("search.remove", f"search/{search_id}")


def _search(row: RowMapping) -> SavedSearch:
    return SavedSearch(**row)


def _unknown(search_id: str) -> NotHere:
    return NotHere(f"you have no saved search {search_id!r}", reason="search_not_found")
