"""Write WebDataset shards whose bytes depend on nothing but their contents."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path

from build_demo_library.model import Metadata
from build_demo_library.pictures import Picture


def write_shard(path: Path, records: Iterable[tuple[Metadata, Picture]]) -> None:
    """Write ``<item_id>.<jpg|png|webp>`` and ``<item_id>.json`` per record, sorted, with fixed headers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as shard:
        for metadata, picture in sorted(records, key=lambda record: record[0].item_id):
            _add(shard, f"{metadata.item_id}.{picture.suffix}", picture.data)
            text = json.dumps(metadata.as_json(), ensure_ascii=False, separators=(",", ":"))
            _add(shard, f"{metadata.item_id}.json", text.encode())


def _add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # owner, group and time stay zero
    member.size = len(data)
    member.mode = 0o644
    shard.addfile(member, io.BytesIO(data))
