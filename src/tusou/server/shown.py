"""Images that may be shown: in the library, and of a supplier whose agreements have not ended."""

from __future__ import annotations

from collections.abc import Sequence

from tusou.errors import Expired
from tusou.search.item import image_item
from tusou.server.answers import Json
from tusou.server.media_urls import media_urls
from tusou.server.state import ServerState
from tusou.types import ImageRecord, Language


def shown_record(state: ServerState, image_id: str) -> ImageRecord:
    """One image.

    Raises:
        ImageNotFound: No image has this id.
        Expired: It may not be shown any more (``withheld``).
    """
    record = state.library.catalog.get(image_id)
    refuse_withheld(state, record)
    return record


def refuse_withheld(state: ServerState, record: ImageRecord) -> None:
    """Refuse an image whose supplier's agreements ended.

    Raises:
        Expired: They did (``withheld``).
    """
    if record.supplier in state.rights.withheld():
        raise Expired(
            f"image {record.image_id} may not be shown any more: the agreement with its supplier ended",
            reason="withheld",
        )


def shown_items(state: ServerState, image_ids: Sequence[str], lang: Language) -> list[Json]:
    """Items of images in the order given; of those that may not be shown the id and that they are gone."""
    records = state.library.catalog.get_many(image_ids)
    suppliers, withheld = state.suppliers(), state.rights.withheld()
    items: list[Json] = []
    for image_id in image_ids:
        record = records.get(image_id)
        if record is None or record.supplier in withheld:
            items.append({"id": image_id, "gone": True})
        else:
            item = image_item(record, lang, supplier=suppliers.get(record.supplier), urls=media_urls)
            items.append(item | {"gone": False})
    return items
