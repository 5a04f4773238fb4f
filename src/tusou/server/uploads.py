"""Files that were sent in and wait to be let in: in the library's folder, named by their SHA-256."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tusou.catalog.durable import storage_errors, write_durably
from tusou.catalog.records import image_id_of
from tusou.errors import LibraryLocked, NotHere, OfficeError
from tusou.imaging.sniff import EXTENSIONS
from tusou.office.submissions import Submission

FOLDER = "uploads"
INGEST_SECONDS = 300.0


class Uploads:
    """The waiting files of a library."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._folder = library / FOLDER

    def keep(self, sha256: str, data: bytes, thumbnail: bytes) -> None:
        """Keep a file and its thumbnail durably.

        Raises:
            StorageFull: The disk has no room.
        """
        with storage_errors(self._folder):
            self._folder.mkdir(exist_ok=True)
        write_durably(self._folder / sha256, data)
        write_durably(self._folder / f"{sha256}.jpg", thumbnail)

    def thumbnail(self, sha256: str) -> bytes:
        """The thumbnail of a waiting file.

        Raises:
            NotHere: It is not there any more.
        """
        try:
            return (self._folder / f"{sha256}.jpg").read_bytes()
        except FileNotFoundError:
            raise NotHere("the file of this submission is gone", reason="submission_not_found") from None

    def drop(self, sha256: str) -> None:
        """Delete a file nobody needs any more."""
        for path in (self._folder / sha256, self._folder / f"{sha256}.jpg"):
            path.unlink(missing_ok=True)

    def let_in(self, submission: Submission) -> str:
        """Bring a waiting file into the library, by the same ingest as every delivery; gives the image's id.

        It runs in a process of its own, which holds the writer lock and lets its memory go.

        Raises:
            LibraryLocked: Another ingest is under way; try again after it.
            OfficeError: The ingest refused the file (``ingest_refused``); the message says why.
        """
        with tempfile.TemporaryDirectory(prefix="tusou-") as folder:
            place = Path(folder)
            ending = min(EXTENSIONS[submission.format], key=len)
            (place / f"image{ending}").write_bytes((self._folder / submission.sha256).read_bytes())
            (place / "image.json").write_text(json.dumps(_sidecar(submission), ensure_ascii=False), "utf-8")
            command = [
                sys.executable, "-m", "tusou", "ingest", str(place), "--supplier", submission.supplier,
                "--library", str(self._library), "--strict", "--quiet", "--json",
            ]  # fmt: skip
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=INGEST_SECONDS, check=False
            )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[-500:].replace(folder, "…")
            if "[library_locked]" in said:
                raise LibraryLocked("another ingest is under way; let this image in again after it")
            raise OfficeError(f"the image could not be brought in: {said}", reason="ingest_refused")
        return image_id_of(submission.supplier, submission.submission_id)


def _sidecar(submission: Submission) -> dict[str, object]:
    """What was said of the image, as ingest reads it beside a file."""
    values: dict[str, object] = {name: text for name, text in submission.fields.items() if text.strip()}
    for name in ("keywords_en", "keywords_zh"):
        if isinstance(text := values.get(name), str):
            values[name] = [word.strip() for word in re.split(r"[,，、;；\n]", text) if word.strip()]
    return {"id": submission.submission_id, "filename": submission.filename, **values}
