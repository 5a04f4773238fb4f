"""Items carry what people and programs need of an image, in both languages."""

from __future__ import annotations

import json

from search_builders import a_record
from tusou.search.item import image_item, item_of
from tusou.types import Contribution, Explanation, Hit, Supplier

EXPLANATION = Explanation(
    sources=("lexical",),
    matches={"title": ("car",)},
    contributions=(Contribution("bm25_title", float("nan"), 0.5, 0.4, 0.2),),
)


def test_an_item_is_json_and_carries_the_hit() -> None:
    record = a_record(3, title_en="Red car", keywords_en=("car", "red"), license="CC-BY-SA-4.0")
    item = item_of(Hit(record, rank=2, score=0.5, explanation=EXPLANATION), "en")
    assert json.loads(json.dumps(item, allow_nan=False)) == item
    assert item["id"] == "img0003"
    assert (item["rank"], item["score"], item["fields_matched"]) == (2, 0.5, ["title"])
    assert item["explain"]["contributions"][0]["value"] is None
    assert item["tags"] == [{"name": "car", "accuracy": None}, {"name": "red", "accuracy": None}]
    assert (item["color"], item["orientation"], item["megapixels"]) == ("#ff0000", "landscape", 0.96)
    assert item["license_type"] == ["commercial", "modification"]
    assert item["urls"] is None


def test_texts_follow_the_language_and_fall_back() -> None:
    record = a_record(title_en="Red car", title_zh="红色汽车", description_en="On a road", license="CC0-1.0")
    chinese, english = image_item(record, "zh"), image_item(record, "en")
    assert (chinese["title"], english["title"]) == ("红色汽车", "Red car")
    assert chinese["description"] == "On a road"
    assert chinese["license_name"] != english["license_name"]


def test_an_image_without_texts_still_has_a_label() -> None:
    assert image_item(a_record(filename="dsc01.jpg"), "en")["alt_description"] == "dsc01.jpg"
    assert image_item(a_record(), "zh")["alt_description"] == "item-0"
    assert image_item(a_record(keywords_zh=("雪山", "湖")), "zh")["alt_description"] == "雪山、湖"


def test_a_label_is_one_short_line() -> None:
    """Where a description stands in for the title, tables and alternative texts took all of its lines."""
    record = a_record(description_zh="雪山风景\n一座雪山", description_en="snow " * 1_000)
    assert image_item(record, "zh")["alt_description"] == "雪山风景 一座雪山"
    label = image_item(record, "en")["alt_description"]
    assert label.endswith("…")
    assert len(label) == 200


def test_an_unknown_licence_shows_as_delivered() -> None:
    item = image_item(a_record(license="Whatever-1"), "en")
    assert (item["license"], item["license_url"], item["license_type"]) == ("Whatever-1", "", [])


def test_urls_come_from_the_caller() -> None:
    item = image_item(a_record(), "en", urls=lambda record: {"thumb": f"/t/{record.image_id}"})
    assert item["urls"] == {"thumb": "/t/img0000"}


def test_attribution_names_title_creator_source_and_licence() -> None:
    record = a_record(title_en="Red car", title_zh="红色汽车", creator="Ann Lee", license="CC-BY-SA-4.0")
    supplier = Supplier("acme", title="Acme Photos")
    assert image_item(record, "en", supplier=supplier)["attribution"] == (
        "“Red car” by Ann Lee, from Acme Photos, licence: CC BY-SA 4.0 "
        "(https://creativecommons.org/licenses/by-sa/4.0/)"
    )
    assert image_item(record, "zh", supplier=supplier)["attribution"] == (
        "《红色汽车》，作者：Ann Lee，来源：Acme Photos，许可：CC BY-SA 4.0"
        "（https://creativecommons.org/licenses/by-sa/4.0/）"
    )


def test_attribution_leaves_out_what_nobody_knows() -> None:
    assert image_item(a_record(), "en")["attribution"] == "Image, from acme"
    assert image_item(a_record(), "zh")["attribution"] == "图片，来源：acme"
