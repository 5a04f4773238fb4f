"""Every kind of source: what is read, what is refused, and why."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from library_builder import make_tar, make_zip, picture, read_content, read_source, write_pictures
from tusou.errors import SourceError, TusouError
from tusou.ingest.items import FileContent, Item, UrlContent
from tusou.ingest.options import ReadOptions
from tusou.ingest.sources import open_source, sniff_source
from tusou.ingest.textfile import MAX_LINE

LIMIT = 10**7


# Folders


def test_folder_with_sidecars(tmp_path: Path) -> None:
    write_pictures(tmp_path / "birds", 2)
    (tmp_path / "birds" / "p000.txt").write_text("A crane.")
    (tmp_path / "birds" / "p001.json").write_text(
        json.dumps({"标题": "鹤", "id": "crane-7", "license": "CC0"})
    )
    (tmp_path / "b.with.dots.jpg").write_bytes(picture(9))
    (tmp_path / "b.with.dots.txt").write_text("Dotted.")
    for noise in (".DS_Store", "Thumbs.db", "README.md", "supplier.json", "._p.jpg"):
        (tmp_path / noise).write_text("{}") if noise != "supplier.json" else (tmp_path / noise).write_text(
            '{"name": "birds"}'
        )
    items, refused = read_source(tmp_path)
    assert set(items) == {"b.with.dots.jpg", "birds/p000.jpg", "crane-7"}
    assert refused == {}
    assert items["birds/p000.jpg"].metadata.description_en == "A crane."
    assert items["b.with.dots.jpg"].metadata.description_en == "Dotted."
    assert (items["crane-7"].metadata.title_zh, items["crane-7"].metadata.license) == ("鹤", "CC0")
    assert read_content(items["crane-7"]) == picture(1)
    assert items["crane-7"].metadata.filename == "p001.jpg"


def test_folder_with_things_that_are_no_files(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    write_pictures(root / "a", 1)
    write_pictures(outside, 1)
    os.mkfifo(root / "pipe.jpg")
    (root / "escape.jpg").symlink_to(outside / "p000.jpg")
    (root / "inside.jpg").symlink_to(root / "a" / "p000.jpg")
    (root / "loop").symlink_to(root)
    (root / "dangling.jpg").symlink_to(root / "nothing")
    (root / "circle.jpg").symlink_to(root / "circle.jpg")
    (root / "b.jpg").write_bytes(picture(1))
    (root / "b.json").write_text("[1, 2")
    items, refused = read_source(root)
    assert set(items) == {"a/p000.jpg", "inside.jpg"}
    assert refused == {
        "b.jpg": "bad_sidecar",
        "circle.jpg": "unreadable",
        "dangling.jpg": "vanished",
        "escape.jpg": "outside_root",
        "loop": "symlink",
        "pipe.jpg": "not_a_file",
    }


def test_a_folder_nobody_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pictures(tmp_path / "good", 1)
    (tmp_path / "locked").mkdir()
    scan = os.scandir

    def scandir(path: Path) -> Any:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    items, refused = read_source(tmp_path)
    assert (list(items), refused) == (["good/p000.jpg"], {"locked/": "unreadable"})


def test_file_content_never_blocks_and_knows_its_limits(tmp_path: Path) -> None:
    def reason(path: Path, limit: int = LIMIT) -> str:
        with pytest.raises(TusouError) as caught:
            FileContent(path).read(limit)
        return caught.value.reason

    (path,) = write_pictures(tmp_path, 1)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "link.jpg").symlink_to(path)
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.write(picture(0))
        file.truncate(10**12)
    assert FileContent(path).read(LIMIT) == picture(0)
    assert reason(tmp_path / "pipe") == "not_a_file"
    assert reason(tmp_path) == "not_a_file"
    assert reason(tmp_path / "gone.jpg") == "vanished"
    assert reason(tmp_path / "empty.jpg") == "empty_file"
    assert reason(tmp_path / "text.jpg") == "not_an_image"
    assert reason(tmp_path / "link.jpg") == "unreadable"
    assert reason(tmp_path / "huge.jpg") == "file_too_large"
    assert reason(path, limit=10) == "file_too_large"


# Tables

ROWS = "文件名,标题,关键词,作者\np000.jpg,雪山,雪;山,王\np001.jpg,森林,树,李\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", "\t", "|"])
def test_csv_in_any_encoding(tmp_path: Path, encoding: str, delimiter: str) -> None:
    write_pictures(tmp_path, 2)
    (tmp_path / "list.csv").write_bytes(ROWS.replace(",", delimiter).encode(encoding))
    items, refused = read_source(tmp_path / "list.csv")
    assert refused == {}
    assert list(items) == ["p000.jpg", "p001.jpg"]
    assert items["p000.jpg"].metadata.title_zh == "雪山"
    assert items["p000.jpg"].metadata.keywords_zh == ("雪", "山")
    assert items["p001.jpg"].line == 2


def test_csv_in_latin_1(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    (tmp_path / "list.csv").write_bytes(
        ("file,title,author\np000.jpg,Café crème à Besançon,Zoë\n").encode("latin-1")
    )
    items, _ = read_source(tmp_path / "list.csv")
    assert items["p000.jpg"].metadata.title_en == "Café crème à Besançon"


def test_csv_with_semicolons_and_quotes(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    (tmp_path / "list.csv").write_text('Image;Title;Price\np000.jpg;"A; ""quoted""\nline";12,50\n')
    items, refused = read_source(tmp_path / "list.csv")
    assert refused == {}
    assert items["p000.jpg"].metadata.title_en == 'A; "quoted"\nline'


def test_each_bad_row_costs_itself(tmp_path: Path) -> None:
    write_pictures(tmp_path / "pics", 3)
    (tmp_path / "secret.jpg").write_bytes(picture(5))
    rows = [
        b"id,image,title",
        b"1,p000.jpg,ok",
        b"2,p000.jpg",
        b"3,p001.jpg,a\0b",
        b"4,../secret.jpg,escape",
        b"5,/etc/passwd,absolute",
        b"6,gone.jpg,missing",
        b"7,,no image",
        b"8,p001.jpg,a,b,c",
        b"9,p001.jpg,trailing,,",
        b"10,p002.jpg," + b"x" * 200_000,
        b"11,ftp://example.org/x.jpg,ftp",
        b"12,p002.jpg,bad \xff\xfe bytes",
        b"",
        b"13,p002.jpg,last",
    ]
    (tmp_path / "list.csv").write_bytes(b"\n".join(rows) + b"\n")
    entries = list(
        open_source(tmp_path / "list.csv", ReadOptions(images=tmp_path / "pics", encoding="utf-8")).entries
    )
    outcome = [entry.item_id if isinstance(entry, Item) else entry.reason for entry in entries]
    assert outcome == [
        "1", "wrong_cell_count", "bad_row", "outside_root", "outside_root", "vanished", "missing_image",
        "wrong_cell_count", "9", "bad_row", "vanished", "bad_encoding", "13",
    ]  # fmt: skip
    lines = [entry.line for entry in entries]
    assert lines == list(range(1, 14))


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2)
    (tmp_path / "list.jsonl").write_text(
        '{"image": "p000.jpg"}\n' + '{"image": "' + "x" * (3 * MAX_LINE) + '"}\n' + '{"image": "p001.jpg"}\n'
    )
    items, refused = read_source(tmp_path / "list.jsonl")
    assert (list(items), refused) == (["p000.jpg", "p001.jpg"], {"list.jsonl:2": "bad_row"})


@pytest.mark.parametrize("text", ["", "\n", "a,b\n1,2\n", "title\nx\n"])
def test_csv_without_an_image_column(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(SourceError, match="--map COLUMN=image") as caught:
        read_source(tmp_path / "list.csv")
    assert caught.value.reason == "wrong_columns"


def test_mapped_columns(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1)
    (tmp_path / "list.csv").write_text("a,b,license\np000.jpg,Hello,whatever\n")
    items, _ = read_source(tmp_path / "list.csv", columns={"a": "image", "b": "title", "license": ""})
    assert items["p000.jpg"].metadata.title_en == "Hello"
    assert items["p000.jpg"].metadata.license == ""
    with pytest.raises(SourceError, match="names column 'c'"):
        read_source(tmp_path / "list.csv", columns={"c": "image"})


def test_an_unknown_encoding(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("image\nx\n")
    with pytest.raises(SourceError, match="unknown encoding 'klingon'"):
        read_source(tmp_path / "list.csv", encoding="klingon")


def test_addresses_in_a_table_and_in_a_list(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("id,url,title\n1,https://example.org/1.jpg,One\n2,,None\n")
    items, refused = read_source(tmp_path / "list.csv")
    assert items["1"].content == UrlContent("https://example.org/1.jpg")
    assert items["1"].metadata.title_en == "One"
    assert refused == {"list.csv:2": "missing_image"}
    (tmp_path / "urls.txt").write_text("# mine\nhttps://example.org/a/b.jpg?x=1\n\nnot an address\n")
    items, refused = read_source(tmp_path / "urls.txt")
    assert list(items) == ["https://example.org/a/b.jpg?x=1"]
    assert refused == {"urls.txt:4": "bad_url"}


def test_jsonl(tmp_path: Path) -> None:
    write_pictures(tmp_path / "images", 2)
    rows = [
        '{"image": "p000.jpg", "split": "dev", "en": ["A dog.", "It runs."], "zh": ["狗在跑。"]}',
        "",
        "{broken",
        "[1]",
        '{"title": "no image"}',
        '{"image": "p001.jpg", "id": 17}',
        "[" * 100_000,
    ]
    (tmp_path / "captions.jsonl").write_text("\n".join(rows))
    items, refused = read_source(tmp_path / "captions.jsonl")
    assert list(items) == ["p000.jpg", "17"]
    assert items["p000.jpg"].metadata.description_en == "A dog.\nIt runs."
    assert items["p000.jpg"].metadata.description_zh == "狗在跑。"
    assert list(refused.values()) == ["bad_row", "bad_row", "missing_image", "bad_row"]


def test_karpathy(tmp_path: Path) -> None:
    write_pictures(tmp_path / "images" / "val2014", 1)
    write_pictures(tmp_path / "images", 1, first=5)
    rows: list[Any] = [
        {"filepath": "val2014", "filename": "p000.jpg", "imgid": 3, "sentences": [{"raw": "A dog."}]},
        {"filename": "p005.jpg", "sentences": []},
        7,
    ]
    (tmp_path / "dataset.json").write_text(json.dumps({"images": rows, "dataset": "coco"}))
    items, refused = read_source(tmp_path / "dataset.json")
    assert list(items) == ["3", "p005.jpg"]
    assert items["3"].metadata.description_en == "A dog."
    assert read_content(items["3"]) == picture(0)
    assert refused == {"dataset.json:3": "bad_row"}


@pytest.mark.parametrize("text", ["", "{", "7", '{"a": 1}', "[" * 100_000])
def test_json_that_lists_no_images(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(SourceError):
        read_source(tmp_path / "x.json")


def test_muge(tmp_path: Path) -> None:
    encoded = base64.urlsafe_b64encode(picture(1)).decode()
    (tmp_path / "valid_imgs.tsv").write_text(f"1000002\t{encoded}\n1000003\t!!\nno tab\n1000004\t{encoded}\n")
    queries = [
        '{"query_id": 1, "query_text": "雪山", "item_ids": [1000002]}',
        "{bad",
        '{"query_text": "car", "item_ids": [1000002, 9]}',
    ]
    (tmp_path / "valid_queries.jsonl").write_text("\n".join(queries), encoding="utf-8")
    assert sniff_source(tmp_path / "valid_imgs.tsv") == "muge"
    items, refused = read_source(tmp_path / "valid_imgs.tsv")
    assert list(items) == ["1000002", "1000004"]
    assert read_content(items["1000002"]) == picture(1)
    assert items["1000002"].metadata.description_zh == "雪山"
    assert items["1000002"].metadata.description_en == "car"
    assert list(refused.values()) == ["bad_row"] * 3


# Which reader


def test_sniffing(tmp_path: Path) -> None:
    make_zip(tmp_path / "noending", {"a.jpg": picture(1)})
    make_tar(tmp_path / "notar", {"a.jpg": picture(1)})
    write_pictures(tmp_path / "pics", 1)
    (tmp_path / "x.tsv").write_text("image\ttitle\np000.jpg\tx\n")
    assert sniff_source(tmp_path / "noending") == "zip"
    assert sniff_source(tmp_path / "notar") == "tar"
    assert sniff_source(tmp_path / "pics") == "folder"
    assert sniff_source(tmp_path / "x.tsv") == "csv"


def test_sources_nobody_can_read_source(tmp_path: Path) -> None:
    def reason(path: Path, kind: str = "") -> str:
        with pytest.raises(SourceError) as caught:
            open_source(path, ReadOptions(), kind)
        return caught.value.reason

    write_pictures(tmp_path, 1)
    (tmp_path / "x.bin").write_bytes(b"\x01\x02")
    os.mkfifo(tmp_path / "pipe")
    assert reason(tmp_path / "gone") == "source_not_found"
    assert reason(tmp_path / "p000.jpg") == "bad_source"
    assert reason(tmp_path / "x.bin") == "bad_source"
    assert reason(tmp_path / "pipe") == "not_a_file"
    assert reason(tmp_path / "x.bin", "zip") == "broken_archive"
    assert reason(tmp_path / "x.bin", "folder") == "source_not_found"
    assert reason(tmp_path, "shards") == "source_not_found"
    assert reason(tmp_path, "video") == "bad_source"


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"name": "Bad Name"}', '{"name": "a", "authority": "much"}', '{"name": "a", "license": "x"}'],
)
def test_a_bad_supplier_file(tmp_path: Path, text: str) -> None:
    write_pictures(tmp_path, 1)
    (tmp_path / "supplier.json").write_text(text)
    with pytest.raises(TusouError):
        open_source(tmp_path, ReadOptions())


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    write_pictures(tmp_path, 5)
    source = open_source(tmp_path, ReadOptions())
    assert list(source.entries) == list(source.entries)
