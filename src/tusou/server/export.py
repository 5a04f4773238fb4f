"""A collection as one file to take along: its pictures under grants, their credits, and what was refused."""

from __future__ import annotations

import csv
import io
import tempfile
import zipfile
from pathlib import Path

from tusou.errors import OfficeError, TusouError
from tusou.office.collections import Collection
from tusou.search.attribution import attribution_of
from tusou.server.delivery import Delivery, Format, Size, deliver
from tusou.server.shown import shown_record
from tusou.server.state import ServerState
from tusou.types import Language, Use

MOST_BYTES = 4 << 30
"""Of one export; whoever needs more takes several."""

CREDITS, REFUSED = "credits.txt", "not-included.csv"


def export_zip(
    state: ServerState,
    who: str,
    collection: Collection,
    use: Use,
    project: str,
    size: Size,
    image_format: Format,
    lang: Language,
) -> Path:
    """Write the pictures of a collection into a zip file; each is licensed, delivered and recorded by itself.

    Args:
        state: The running server.
        who: Who takes them.
        collection: Which.
        use: What for; pictures that may not be used so are left out and listed.
        project: What for, in words.
        size: Of the files.
        image_format: Of the files.
        lang: Language of the credits.

    Returns:
        A temporary file that the caller deletes.

    Raises:
        OfficeError: Nothing in it may be used so (``nothing_allowed``), or it is too large
            (``export_too_large``).
    """
    with tempfile.NamedTemporaryFile(prefix="tusou-", suffix=".zip", delete=False) as file:
        path = Path(file.name)
        try:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # pictures do not get smaller
                parcel = _Parcel(archive)
                for item in state.collections.items(collection.collection_id):
                    try:
                        record = shown_record(state, item.image_id)
                        grant = state.rights.grant(who, record, use, project)
                        made = deliver(state, who, grant.grant_id, size, image_format)
                    except TusouError as error:
                        parcel.refused.append((item.image_id, error.reason, str(error)))
                        continue
                    supplier = state.suppliers().get(record.supplier)
                    parcel.add(made, record.image_id, attribution_of(record, lang, supplier))
                parcel.finish()
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    return path


class _Parcel:
    """The zip file while it is filled."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names: set[str] = set()
        self._lines: list[str] = []
        self._size = 0
        self.refused: list[tuple[str, str, str]] = []

    def add(self, made: Delivery, image_id: str, credit: str) -> None:
        """Put a picture in.

        Raises:
            OfficeError: The file would become too large (``export_too_large``).
        """
        self._size += len(made.data)
        if self._size > MOST_BYTES:
            raise OfficeError(
                f"this export would be larger than {MOST_BYTES >> 30} GiB; choose a smaller size, or take "
                "parts of the collection",
                reason="export_too_large",
            )
        name = _free_name(made, image_id, self._names)
        self._archive.writestr(name, made.data)
        self._lines.append(f"{name}\t{credit}")

    def finish(self) -> None:
        """Write the credits, and what was refused.

        Raises:
            OfficeError: There is no picture in it (``nothing_allowed``).
        """
        if not self._lines:
            reasons = ", ".join(sorted({reason for _, reason, _ in self.refused})) or "it is empty"
            raise OfficeError(
                f"none of the {len(self.refused)} images may be used so ({reasons})", reason="nothing_allowed"
            )
        self._archive.writestr(CREDITS, "\ufeff" + "\r\n".join(self._lines) + "\r\n")
        if self.refused:
            self._archive.writestr(REFUSED, _table(self.refused))


def _free_name(made: Delivery, image_id: str, names: set[str]) -> str:
    """The file's name; with the image's id where another picture has it already."""
    stem, _, extension = made.name.rpartition(".")
    name = made.name if made.name.lower() not in names else f"{stem}-{image_id}.{extension}"
    names.add(name.lower())
    return name


def _table(rows: list[tuple[str, str, str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("image_id", "reason", "message"))
    writer.writerows(rows)
    return "\ufeff" + out.getvalue()
