"""Archives: images with their sidecars, and every way an archive can lie."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from library_builder import make_tar, make_zip, picture, read_content, read_source
from tusou.errors import SourceError
from tusou.ingest.items import SpanContent
from tusou.ingest.options import ReadOptions
from tusou.ingest.sources import open_source

MEMBERS = {
    "a/p1.jpg": picture(1),
    "a/p1.json": json.dumps({"title": "First", "item_id": "one"}).encode(),
    "a/p2.jpg": picture(2),
    "a/p2.txt": "第二张".encode(),
    "README.txt": b"read me",
    "__MACOSX/a/._p1.jpg": b"junk",
}


@pytest.mark.parametrize("kind", ["zip", "zip-deflated", "tar", "tar.gz", "tar.xz"])
def test_archives_with_sidecars(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"set.{kind}"
    if kind.startswith("zip"):
        path = tmp_path / "set.zip"
        make_zip(path, MEMBERS, compression=zipfile.ZIP_DEFLATED if "-" in kind else zipfile.ZIP_STORED)
    else:
        make_tar(path, MEMBERS, {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz"}[kind])
    items, refused = read_source(path)
    assert refused == {}
    assert set(items) == {"one", "a/p2"}
    assert items["one"].metadata.title_en == "First"
    assert items["one"].path == f"{path.name}:a/p1.jpg"
    assert items["a/p2"].metadata.description_zh == "第二张"
    assert read_content(items["a/p2"]) == picture(2)
    assert isinstance(items["one"].content, SpanContent) == (kind == "tar")
    assert items["one"].stamp != items["a/p2"].stamp


def test_shards_of_a_folder(tmp_path: Path) -> None:
    make_tar(tmp_path / "s-1.tar", {"./x1.jpg": picture(1), "./x1.json": b'{"title": "X"}'})
    make_tar(tmp_path / "s-0.tar", {"x0.jpg": picture(0), "x9.json": b"{}"})
    (tmp_path / "s-2.tar").write_bytes(b"broken" * 1000)
    (tmp_path / "supplier.json").write_text('{"name": "xs", "license": "CC0", "authority": 0.8}')
    source = open_source(tmp_path, ReadOptions())
    assert source.format == "shards"
    assert source.supplier is not None
    assert (source.supplier.license, source.supplier.authority) == ("CC0-1.0", 0.8)
    items, refused = read_source(tmp_path)
    assert list(items) == ["x0", "x1"]
    assert refused == {"s-0.tar:x9.json": "missing_image", "s-2.tar": "broken_archive"}
    assert source.entries.fraction == 0.0
    list(source.entries)
    assert source.entries.fraction == 1.0


def test_hostile_zip(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../up.jpg", picture(1))
        archive.writestr("/abs.jpg", picture(1))
        archive.writestr("C:\\win.jpg", picture(1))
        archive.writestr("a\\..\\..\\up.jpg", picture(1))
        link = zipfile.ZipInfo("link.jpg")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        device = zipfile.ZipInfo("null.jpg")
        device.external_attr = 0o020666 << 16
        archive.writestr(device, b"")
        archive.writestr("bomb.bmp", bytes(30 * 1024 * 1024))
        archive.writestr("good.jpg", picture(1))
    items, refused = read_source(path)
    assert set(items) <= {"good"}
    assert {path.rpartition(":")[2]: reason for path, reason in refused.items() if "good" not in path} == {
        "../up.jpg": "path_escape",
        "/abs.jpg": "path_escape",
        "\\win.jpg": "path_escape",
        "a\\..\\..\\up.jpg": "path_escape",
        "link.jpg": "archive_link",
        "null.jpg": "not_a_file",
        "bomb.bmp": "archive_bomb",
    }


def test_encrypted_and_damaged_zip_members(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "x.zip", {"a.jpg": picture(1), "b.jpg": picture(2), "c.jpg": picture(3)})
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1  # the encrypted flag of a.jpg
    data[data.index(picture(2)) + 50] ^= 0xFF  # damages b.jpg
    path.write_bytes(data)
    items, refused = read_source(path)
    assert list(items) == ["c"]
    assert refused == {"x.zip:a.jpg": "encrypted", "x.zip:b.jpg": "broken_archive"}


def test_overlapping_zip_members(tmp_path: Path) -> None:
    """Many directory entries over the same bytes are the densest bombs there are."""
    path = make_zip(tmp_path / "x.zip", {f"{i}.jpg": picture(i) for i in range(3)})
    data = bytearray(path.read_bytes())
    entries = [i for i in range(len(data)) if data[i : i + 4] == b"PK\x01\x02"]
    for entry in entries:
        struct.pack_into("<I", data, entry + 42, 0)
    path.write_bytes(data)
    items, refused = read_source(path)
    assert len(items) <= 1
    assert "archive_bomb" in refused.values()


@pytest.mark.parametrize("cut", [10, 1000, -30])
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_truncated_archives(tmp_path: Path, make: Callable[[Path, dict[str, bytes]], Path], cut: int) -> None:
    name = "x.zip" if make is make_zip else "x.tar"
    path = make(tmp_path / name, {f"{i}.jpg": picture(i) for i in range(3)})
    size = path.stat().st_size if make is make_zip else 3 * 2560
    os.truncate(path, cut if cut > 0 else size - 1500)
    try:
        reasons = set(read_source(path)[1].values())
    except SourceError as error:
        reasons = {error.reason}
    assert reasons & {"broken_archive", "bad_source"}


def test_hostile_tar(tmp_path: Path) -> None:
    path = tmp_path / "bad.tar"
    with tarfile.open(path, "w") as archive:

        def add(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(data), kind, link
            archive.addfile(info, io.BytesIO(data))

        add("../up.jpg", picture(1))
        add("/abs.jpg", picture(1))
        add("sym.jpg", kind=tarfile.SYMTYPE, link="/etc/passwd")
        add("hard.jpg", kind=tarfile.LNKTYPE, link="../up.jpg")
        add("null.jpg", kind=tarfile.CHRTYPE)
        add("pipe.jpg", kind=tarfile.FIFOTYPE)
        add("big.jpg", bytes(5000))
        add("side.json", b"{bad")
        add("side.jpg", picture(3))
        add("good.jpg", picture(2))
    items, refused = read_source(path, max_file_bytes=4500)
    assert list(items) == ["good"]
    assert refused == {
        "bad.tar:../up.jpg": "path_escape",
        "bad.tar:/abs.jpg": "path_escape",
        "bad.tar:sym.jpg": "archive_link",
        "bad.tar:hard.jpg": "archive_link",
        "bad.tar:null.jpg": "not_a_file",
        "bad.tar:pipe.jpg": "not_a_file",
        "bad.tar:big.jpg": "file_too_large",
        "bad.tar:side.jpg": "bad_sidecar",
    }


def test_a_compressed_tar_bomb_ends_early(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "bomb.tar.gz", {"a.jpg": picture(1), "z.bmp": bytes(40 * 1024 * 1024)}, "w:gz")
    items, refused = read_source(path)
    assert list(items) == ["a"]
    assert refused == {"bomb.tar.gz": "archive_bomb"}


def test_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tusou.ingest.readers.zip_archive.MAX_ENTRIES", 2)
    monkeypatch.setattr("tusou.ingest.readers.tar_archive.MAX_ENTRIES", 2)
    members = {f"{i}.jpg": picture(i) for i in range(3)}
    with pytest.raises(SourceError) as caught:
        read_source(make_zip(tmp_path / "x.zip", members))
    assert caught.value.reason == "too_many_entries"
    items, refused = read_source(make_tar(tmp_path / "x.tar", members))
    assert (len(items), list(refused.values())) == (2, ["too_many_entries"])
