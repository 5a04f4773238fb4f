"""WebDataset shards: ``crane.jpg`` with ``crane.txt`` or ``crane.json`` beside it in an uncompressed tar.

The JSON holds captions per language (``en``, ``zh``: a text or a list of texts) or under ``caption``,
``captions`` or ``text``. Only the places of images are kept; their bytes are read when they are needed.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tusou.errors import SourceError
from tusou.ingest.places import is_hidden
from tusou.ingest.readers.tar_archive import shards_of
from tusou.ingest.sidecars import MAX_SIDECAR_BYTES, SIDECARS, parse_object, split_name
from tusou.ingest.textfile import decode_text
from tusou.training.data.builder import RelevanceBuilder
from tusou.training.data.options import DataOptions
from tusou.training.data.problems import Problems
from tusou.training.data.readers.image_files import is_image_name
from tusou.training.data.relevance import RangePicture, RelevanceData

_LANGUAGE_OF = {"en": "en", "zh": "zh", "caption": "", "captions": "", "text": ""}
_BROKEN = (tarfile.TarError, EOFError, OSError, ValueError)


def recognises(path: Path) -> bool:
    """A tar, or a folder of tars without images beside them."""
    if path.is_dir():
        return bool(shards_of(path)) and not any(is_image_name(file.name) for file in path.iterdir())
    return bool(re.search(r"\.(tar|tgz)(\.\w+)?$", path.name.lower()))


def read(path: Path, _options: DataOptions, problems: Problems) -> RelevanceData:
    """Read all shards; ``train-000.tar`` belongs to split ``train``."""
    builder = RelevanceBuilder(problems)
    for shard in shards_of(path) if path.is_dir() else [path]:
        split = re.match(r"(train|valid|val|dev|test)(?![a-z])", shard.name)
        for sample in _samples(shard, problems):
            _add(builder, sample, f"{shard.name}:{sample.stem}", split[1] if split else "")
    return builder.build()


@dataclass(slots=True)
class _Sample:
    """Neighbours of one stem: an image and its captions with their languages."""

    stem: str = ""
    picture: RangePicture | None = None
    captions: dict[object, str] = field(default_factory=dict)


def _add(builder: RelevanceBuilder, sample: _Sample, where: str, split: str) -> None:
    if sample.picture is None:
        builder.problems.add(where, "missing_image", "texts without an image beside them")
    elif not sample.captions:
        builder.problems.add(where, "no_caption", "an image without a text beside it")
    elif builder.add_picture(sample.picture, where, split):
        for text, language in sample.captions.items():
            builder.add_captions(sample.picture.key, [text], where, language)


def _samples(shard: Path, problems: Problems) -> Iterator[_Sample]:
    """Samples of a shard in its order; damage ends the shard."""
    sample = _Sample()
    try:
        with tarfile.open(shard, "r:") as tar:
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined] # the list would keep every header of the shard
                stem, ending = split_name(member.name.removeprefix("./"))
                if not member.isreg() or is_hidden(member.name):
                    continue
                if stem != sample.stem and sample.stem:
                    yield sample
                sample = sample if stem == sample.stem else _Sample(stem)
                _collect(sample, shard, tar, member, ending, problems)
    except _BROKEN as error:
        problems.add(shard.name, "damaged_shard", f"cannot be read to its end: {error}")
    if sample.stem:
        yield sample


def _collect(
    sample: _Sample,
    shard: Path,
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    ending: str,
    problems: Problems,
) -> None:
    """Put a member into its sample; members that are neither image nor text are passed over."""
    where = f"{shard.name}:{member.name}"
    if is_image_name(member.name):
        if member.size and member.offset_data + member.size <= shard.stat().st_size:
            sample.picture = RangePicture(sample.stem, shard, member.offset_data, member.size)
        else:
            problems.add(where, "damaged_image", f"{member.size} bytes, which the shard does not hold")
    elif ending in SIDECARS and member.size <= MAX_SIDECAR_BYTES:
        file = tar.extractfile(member)
        data = file.read() if file else b""
        try:
            found = _captions(data) if ending == ".json" else {decode_text(data).strip(): ""}
        except SourceError as error:
            problems.add(where, "bad_row", str(error))
            return
        for text, language in found.items():  # img2dataset writes the caption into both files
            sample.captions[text] = sample.captions.get(text) or language


def _captions(data: bytes) -> dict[object, str]:
    """Captions of a JSON sidecar with their languages."""
    row = parse_object(data, "bad_row")
    found: dict[object, str] = {}
    for name, language in _LANGUAGE_OF.items():
        value = row.get(name)
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and text.strip():
                found[text.strip()] = language
    return found
