"""The committed demo library is whole, licensed and small; the builder's parsers read what sources write."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from build_demo_library import gcompris, openclipart, packages, pictures, qt, tuxpaint, wallpapers
from build_demo_library.exclusions import reason_to_leave_out
from build_demo_library.model import LICENSE_URLS, Item, Metadata, chinese, license_code, unique
from build_demo_library.selection import select
from build_demo_library.shards import write_shard
from PIL import Image, ImageDraw

from tusou.catalog.licenses import license_of

DEMO = Path(__file__).parents[1] / "demo"
SUPPLIERS = sorted(path.parent.name for path in DEMO.glob("*/supplier.json"))


@dataclass(frozen=True)
class Record:
    supplier: str
    name: str
    image: bytes
    metadata: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.supplier}/{self.metadata['item_id']}"


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [record for supplier in SUPPLIERS for record in records_of(supplier)]


def records_of(supplier: str) -> Iterator[Record]:
    for path in sorted((DEMO / supplier).glob("*.tar")):
        with tarfile.open(path) as shard:
            members = {member.name: extracted(shard, member) for member in shard}
        for name in members:
            if not name.endswith(".json"):
                metadata = json.loads(members[name.rsplit(".", 1)[0] + ".json"])
                yield Record(supplier, name, members[name], metadata)


def extracted(shard: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = shard.extractfile(member)
    assert file is not None
    return file.read()


def test_there_are_enough_images_of_enough_suppliers(records: list[Record]) -> None:
    assert len(records) >= 1200
    assert {"gcompris", "lomiri", "openclipart", "tuxpaint"} <= set(SUPPLIERS)
    assert all(any(record.supplier == supplier for record in records) for supplier in SUPPLIERS)


def test_the_demo_folder_is_small() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) <= 30_000_000


def test_every_image_has_an_id_of_its_own_and_a_licence_tusou_knows(records: list[Record]) -> None:
    assert len({record.id for record in records}) == len(records)
    for record in records:
        allowed = license_of(record.metadata["license"])
        assert allowed.commercial, f"{record.id}: nothing in the demo may be for private use only"
        assert allowed.modification, record.id
        assert record.metadata["license_url"] == LICENSE_URLS[record.metadata["license"]]


def test_every_image_says_who_made_it_and_what_it_is(records: list[Record]) -> None:
    for record in records:
        assert record.metadata["title_en"], record.id
        assert record.metadata["creator"], record.id
        assert record.name.rsplit(".", 1)[0] == record.metadata["item_id"]
        assert list(record.metadata) == list(Metadata.__dataclass_fields__)


def test_chinese_fields_are_chinese_and_not_few(records: list[Record]) -> None:
    for record in records:
        texts = [
            record.metadata["title_zh"],
            record.metadata["description_zh"],
            *record.metadata["keywords_zh"],
        ]
        assert all(not text or chinese(text) for text in texts), record.id
    assert sum(bool(record.metadata["title_zh"]) for record in records) >= 500


def test_nothing_excluded_slipped_in(records: list[Record]) -> None:
    assert [record.id for record in records if reason_to_leave_out(record.id)] == []


def test_images_decode_and_show_something(records: list[Record]) -> None:
    formats = set()
    for record in records:
        with Image.open(io.BytesIO(record.image)) as image:
            image.draft("RGB", (128, 128))  # scaled decoding: this test looks, it does not measure
            image.load()
            formats.add(str(image.format).lower())
            assert record.name.endswith({"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}[str(image.format)])
            assert not image.getexif()
    assert formats == {"jpeg", "png", "webp"}


def test_attribution_names_every_supplier_and_every_image(records: list[Record]) -> None:
    readable = (DEMO / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for supplier in SUPPLIERS:
        described = json.loads((DEMO / supplier / "supplier.json").read_text(encoding="utf-8"))
        assert f"## {described['title']}" in readable
        assert 0 <= described["authority"] <= 1
    lines = (DEMO / "attribution.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert {"/".join(line.split("\t")[:2]) for line in lines} == {record.id for record in records}


def test_the_texts_of_the_gnu_licences_are_there(records: list[Record]) -> None:
    used = {record.metadata["license"] for record in records if "GPL" in record.metadata["license"]}
    texts = {path.stem: path.read_text(encoding="utf-8") for path in DEMO.glob("*GPL-*.txt")}
    for code in used:
        family = code.removesuffix("-only").removesuffix("-or-later")
        assert "GENERAL PUBLIC LICENSE" in texts[family]


def test_example_searches_point_at_images_that_exist(records: list[Record]) -> None:
    known = {record.id for record in records}
    queries = json.loads((DEMO / "queries.json").read_text(encoding="utf-8"))
    assert len(queries) >= 40
    assert {query["lang"] for query in queries} == {"zh", "en"}
    for query in queries:
        assert query["q"] or query["image"]
        assert query["relevant"], query
        assert set(query["relevant"]) <= known, query
        image = query.get("image")
        assert image is None or image in known or (DEMO / image).exists(), query


@pytest.mark.parametrize("name", ["query.jpg", "query-windmill.jpg"])
def test_query_pictures_are_not_in_the_library(name: str, records: list[Record]) -> None:
    query = (DEMO / name).read_bytes()
    assert all(record.image != query for record in records)
    assert f"`{name}`" in (DEMO / "ATTRIBUTION.md").read_text(encoding="utf-8")


# ---- the builder's parsers ----


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ("CC-BY-SA 4.0", "CC-BY-SA-4.0"),
        ("CC BY 2.0", "CC-BY-2.0"),
        ("CC0-1.0", "CC0-1.0"),
        ("Public Domain", "LicenseRef-PublicDomain"),
        ("GPLv3 or later", "GPL-3.0-or-later"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL", ""),  # which version is not stated
        ("GFDL-NIV-1.2", ""),
        ("", ""),
    ],
)
def test_stated_licence_becomes_a_code_or_nothing(stated: str, code: str) -> None:
    assert license_code(stated) == code


def test_copyright_file_gives_the_paragraph_that_names_the_file() -> None:
    stanzas = packages.parse_copyright(
        "Format: 1.0\n\nFiles: *\nCopyright: 2000, All\nLicense: GPL-3+\n\n"
        "Files: a/b*.jpg\n c.png\nCopyright: 2018, Jane Doe <jane@doe>\n 2019, Lu Xun\n"
        "License: CC-BY-4.0\n text\n"
    )
    found = packages.stanza_of(stanzas, "a/bee.jpg")
    assert found is not None
    assert (found.license, found.copyright) == ("CC-BY-4.0", "2018, Jane Doe <jane@doe>; 2019, Lu Xun")
    assert wallpapers.holders(found.copyright) == "Jane Doe, Lu Xun"
    assert packages.stanza_of(stanzas, "other.jpg") is None


README = """Copyright: Charles J. Sharp
Source: https://commons.wikimedia.org/wiki/File:Cheetah_(Acinonyx_jubatus)_female_2.jpg
License: CC-BY-SA-4.0
Comments: cropping
Files: cheetah.webp

Copyright:
  Copyright 2011 NASA
  Copyright 2018 Timothée Giet
License: Public Domain
Comment: original source at https://en.wikipedia.org/wiki/File:Mercury.jpg
Files:
  mercury.webp

Copyright: 2000, 2008 Bruno Coudoin and others
License: CC-BY 4.0
Castle_0.webp
Castle_background.webp
Comment: based on a photo by Guillaume Piolle, license CC-BY 3.0, source at https://example.org/wiki/File:E.jpg
"""


def test_readme_credits_each_file_it_lists_and_no_address() -> None:
    found = gcompris.parse_readme(README)
    assert set(found) == {"cheetah.webp", "mercury.webp", "Castle_0.webp", "Castle_background.webp"}
    assert found["cheetah.webp"].license == "CC-BY-SA-4.0"
    assert found["mercury.webp"].source == "https://en.wikipedia.org/wiki/File:Mercury.jpg"
    assert gcompris.creator_of(found["mercury.webp"]) == "NASA, Timothée Giet"
    assert gcompris.creator_of(found["Castle_0.webp"]) == "Guillaume Piolle"


def test_commons_title_is_the_page_name_without_numbers_of_cameras() -> None:
    credit = gcompris.parse_readme(README)["cheetah.webp"]
    resources = gcompris.Resources({}, [], {}, {"a": credit})
    assert gcompris.commons_title(resources, "a") == "Cheetah (Acinonyx jubatus) female 2"
    resources.credits["a"] = gcompris.Credit("", "", "https://commons.wikimedia.org/wiki/File:DSCN1716.JPG")
    assert gcompris.commons_title(resources, "a") == ""
    assert gcompris.spoken_name("x/screwDriver1.webp") == "screw driver"


def test_resource_bundle_gives_paths_and_contents() -> None:
    names = b"".join(struct.pack(">HI", len(name), 0) + name.encode("utf-16-be") for name in ("dir", "a.txt"))
    packed = struct.pack(">I", 5) + zlib.compress(b"hello")
    contents = struct.pack(">I", len(packed)) + packed
    tree = struct.pack(">IHII", 0, 2, 1, 1)  # the root holds node 1
    tree += struct.pack(">IHII", 0, 2, 1, 2)  # dir holds node 2
    tree += struct.pack(">IHHHI", 12, 1, 0, 0, 0)  # a.txt, compressed
    start = 20
    header = struct.pack(">4sIIII", b"qres", 1, start, start + len(tree), start + len(tree) + len(contents))
    assert dict(qt.read_rcc(header + tree + contents + names)) == {"dir/a.txt": b"hello"}
    with pytest.raises(ValueError, match="qres"):
        qt.read_rcc(b"PK\x03\x04" + bytes(20))


def test_message_catalogue_gives_translations() -> None:
    chinese_cat = "貓".encode("utf-16-be")
    message = (
        b"\x03"
        + struct.pack(">I", len(chinese_cat))
        + chinese_cat
        + b"\x06"
        + struct.pack(">I", 3)
        + b"Cat\x01"
    )
    sections = b"".join(
        struct.pack(">BI", tag, len(data)) + data
        for tag, data in ((0x42, struct.pack(">II", 7, 0)), (0x69, message))
    )
    catalogue = bytes.fromhex("3cb86418caef9c95cd211cbf60a1bddd") + sections
    assert qt.read_qm(catalogue) == {"Cat": "貓"}
    with pytest.raises(ValueError, match="not a Qt message catalogue"):
        qt.read_qm(b"nothing of the kind")


def test_qml_objects_give_their_strings() -> None:
    board = """/* { "no": "comment" } */ QtObject {
        property string instruction: qsTr("A \\"wave\\"")
        property var levels: [ { "image": "a.webp", "x": "0.5", "title": qsTr("Great Wall") } ] }"""
    assert qt.read_property(board, "instruction") == 'A "wave"'
    assert qt.read_objects(board) == [{"image": "a.webp", "x": "0.5", "title": "Great Wall"}]


def test_stamp_captions_are_read_by_language() -> None:
    captions = tuxpaint.parse_captions("A red apple.\nde.utf8=Ein Apfel.\nzh_CN.utf8=红苹果。\nnonsense\n")
    assert captions == {"en": "A red apple.", "de": "Ein Apfel.", "zh_CN": "红苹果。"}


SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:cc="http://web.resource.org/cc/" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><rdf:RDF>
 <cc:Work rdf:about=""><dc:title>Clipart by A. B. - two_cats</dc:title><dc:description>cats</dc:description>
 <dc:subject><rdf:Bag><rdf:li>white</rdf:li><rdf:li>hash</rdf:li></rdf:Bag></dc:subject>
 <dc:creator><cc:Agent rdf:about="http://tess.example"><dc:title>Tess Brady</dc:title></cc:Agent></dc:creator>
 <dc:date>2005/05/30</dc:date><cc:license rdf:resource="http://web.resource.org/cc/PublicDomain"/>
 </cc:Work></rdf:RDF></metadata></svg>"""


def test_svg_work_is_read_and_cleaned() -> None:
    work = openclipart.parse_work(SVG)
    assert work is not None
    assert (work.creator, work.creator_url) == ("Tess Brady", "http://tess.example")
    assert work.license == "http://web.resource.org/cc/PublicDomain"
    assert openclipart.clean_title(work.title) == "two cats"
    assert openclipart.clean_keywords(work.keywords, Path("animals/house_cats")) == [
        "white",
        "animals",
        "house cats",
    ]
    assert openclipart.iso_date(work.date) == "2005-05-30"
    assert openclipart.iso_date("last summer") == ""
    assert openclipart.parse_work(b"<svg") is None
    assert openclipart.clean_title("L&Atilde;&copy;zard") == "Lézard"


def test_unique_keeps_the_first_spelling_and_the_order() -> None:
    assert unique(["Cats", "", "dog", "cats"]) == ["Cats", "dog"]


# ---- from picture to shard ----


def drawn(color: str, box: tuple[int, int, int, int] = (60, 60, 240, 200)) -> Image.Image:
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle(box, fill=color)
    return image


def ringed() -> Image.Image:
    image = drawn("green")
    ImageDraw.Draw(image).ellipse((90, 90, 200, 180), fill="white")
    return image


def item(
    name: str, picture: Image.Image, code: str = "CC0-1.0", category: str = "", score: float = 0
) -> Item:
    metadata = Metadata(item_id=name, keywords_en=[], keywords_zh=[], license=code, filename=name)
    return Item(metadata, lambda: picture, "drawing", 128, category, score)


def test_picture_is_trimmed_scaled_and_keeps_its_transparency() -> None:
    made = pictures.make_picture(item("a", drawn("red")))
    with Image.open(io.BytesIO(made.data)) as image:
        assert max(image.size) == 128
        assert image.width > image.height
        assert image.convert("RGBA").getpixel((0, 0)) == (0, 0, 0, 0)


@pytest.mark.parametrize("picture", [drawn("white"), drawn("#fdfdfd"), drawn("red", (0, 0, 40, 40))])
def test_picture_with_nothing_to_see_is_refused(picture: Image.Image) -> None:
    with pytest.raises(pictures.Unusable):
        pictures.make_picture(item("a", picture))


def test_selection_counts_what_it_leaves_out_and_why() -> None:
    tall, ring = drawn("blue", (60, 60, 160, 380)), ringed()
    offered = [
        item("a", drawn("red"), category="x", score=2),
        item("same", drawn("red"), category="x"),
        item("unlicensed", tall, code="", category="x"),
        item("full", tall, category="y"),
        item("ring", ring, category="x", score=1),
    ]
    selection = select("openclipart", offered, {"x": 2})
    assert [metadata.item_id for metadata, _ in selection.records] == ["a", "ring"]
    assert selection.left_out == {"category is full": 2, "licence not established": 1}


def test_repeated_pictures_are_taken_once() -> None:
    selection = select("mate", [item("a", drawn("red")), item("b", drawn("#e01010"))])
    assert len(selection.records) == 1
    assert selection.left_out == {"looks like one already taken": 1}


def test_shards_are_the_same_bytes_whatever_the_order(tmp_path: Path) -> None:
    selection = select("mate", [item("a", drawn("red")), item("b", ringed())])
    write_shard(tmp_path / "one.tar", selection.records)
    write_shard(tmp_path / "two.tar", selection.records[::-1])
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as shard:
        assert shard.getnames() == ["a.png", "a.json", "b.png", "b.json"]
        assert {member.mtime for member in shard} == {0}
