"""Every relevance format is recognised and read; each bad row is skipped, counted and named."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from data_builders import jpeg, lists_of, write_images, write_jsonl

from tusou.errors import DataError
from tusou.training.data.reading import FORMATS, DataSource, read_data, read_source
from tusou.training.data.relevance import RelevanceData

NAMES = ("a.jpg", "b.jpg", "c.jpg")


def relevance(source: DataSource) -> RelevanceData:
    assert isinstance(source.data, RelevanceData)
    return source.data


def found(source: DataSource) -> list[tuple[str, str]]:
    """Place and reason of every problem."""
    return [(problem.where, problem.reason) for problem in source.problems.rows]


def captions_folder(folder: Path) -> Path:
    write_images(folder / "images", NAMES)
    rows = [
        {"image": "a.jpg", "split": "train", "en": ["a dog", "two dogs"], "zh": ["一只狗"]},
        {"image": "b.jpg", "split": "dev", "en": ["a cat"]},
        {"image": "c.jpg", "split": "dev", "zh": ["红色汽车"]},
    ]
    write_jsonl(folder / "captions.jsonl", rows)
    return folder


def test_captions_give_one_query_each(tmp_path: Path) -> None:
    source = read_source(captions_folder(tmp_path))
    data = relevance(source)
    assert source.format == "captions"
    assert not source.problems
    assert lists_of(data) == [
        ("a dog", "en", {"a.jpg": 1.0}),
        ("two dogs", "en", {"a.jpg": 1.0}),
        ("一只狗", "zh", {"a.jpg": 1.0}),
        ("a cat", "en", {"b.jpg": 1.0}),
        ("红色汽车", "zh", {"c.jpg": 1.0}),
    ]
    assert data.splits == ("train", "dev", "dev")
    assert data.pictures[1].read() == jpeg(1)


def test_languages_keep_the_images(tmp_path: Path) -> None:
    data = read_data(captions_folder(tmp_path), languages=["zh"])
    assert isinstance(data, RelevanceData)
    assert data.queries == ("一只狗", "红色汽车")
    assert len(data.pictures) == 3


def test_a_language_nobody_wrote_in_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no query is in fr; found: en, zh"):
        read_data(captions_folder(tmp_path), languages=["fr"])


def test_each_bad_caption_row_is_named(tmp_path: Path) -> None:
    captions_folder(tmp_path)
    (tmp_path / "images" / "empty.jpg").touch()
    write_jsonl(
        tmp_path / "captions.jsonl",
        [
            {"image": "a.jpg", "en": ["a dog", "  ", 7]},
            {"image": "a.jpg", "en": ["again"]},
            {"image": "gone.jpg", "en": ["gone"]},
            {"image": "../a.jpg", "en": ["outside"]},
            {"image": "b.jpg", "en": [], "zh": []},
            {"image": "c.jpg", "en": "no list"},
            {"en": ["no image"]},
            {"image": "empty.jpg", "en": ["nothing in it"]},
            '{"image": ',
            "[1]",
        ],
    )
    source = read_source(tmp_path)
    assert lists_of(relevance(source)) == [("a dog", "en", {"a.jpg": 1.0})]
    assert found(source) == [
        ("captions.jsonl:1", "empty_query"),
        ("captions.jsonl:1", "empty_query"),
        ("captions.jsonl:2", "duplicate_image"),
        ("captions.jsonl:3", "missing_image"),
        ("captions.jsonl:4", "missing_image"),
        ("captions.jsonl:5", "no_caption"),
        ("captions.jsonl:6", "bad_row"),
        ("captions.jsonl:6", "no_caption"),
        ("captions.jsonl:7", "bad_row"),
        ("captions.jsonl:8", "damaged_image"),
        ("captions.jsonl:9", "bad_row"),
        ("captions.jsonl:10", "bad_row"),
    ]
    assert all(problem.remedy and problem.message for problem in source.problems.rows)


def test_nothing_usable_says_why(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_jsonl(tmp_path / "captions.jsonl", [{"image": f"{i}.jpg", "en": ["x"]} for i in range(3)])
    with pytest.raises(DataError, match=r"3 missing_image \(put the file.*captions\.jsonl:1") as caught:
        read_source(tmp_path)
    assert caught.value.reason == "nothing_usable"


def test_skipped_rows_reach_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_jsonl(captions_folder(tmp_path) / "captions.jsonl", [{"image": "a.jpg", "en": ["a"]}, "{"])
    with caplog.at_level("INFO", logger="tusou.training.data.reading"):
        read_data(tmp_path)
    assert "read as captions" in caplog.text
    assert "1 bad_row" in caplog.text


def karpathy(folder: Path) -> Path:
    write_images(folder / "images", ("val2014/a.jpg", "b.jpg"))
    images = [
        {
            "filepath": "val2014",
            "filename": "a.jpg",
            "split": "restval",
            "sentences": [{"raw": "a dog", "tokens": []}],
        },
        {"filename": "b.jpg", "split": "test", "sentences": [{"raw": "一只猫"}, {"tokens": ["x"]}]},
        {"filename": "c.jpg", "split": "test", "sentences": []},
        7,
    ]
    path = folder / "dataset_coco.json"
    path.write_text(json.dumps({"images": images, "dataset": "coco"}), "utf-8")
    return path


def test_karpathy(tmp_path: Path) -> None:
    source = read_source(karpathy(tmp_path))
    assert source.format == "karpathy"
    assert lists_of(relevance(source)) == [
        ("a dog", "en", {"val2014/a.jpg": 1.0}),
        ("一只猫", "zh", {"b.jpg": 1.0}),
    ]
    assert relevance(source).splits == ("restval", "test")
    assert found(source) == [
        ("images[1]", "empty_query"),
        ("images[2]", "no_caption"),
        ("images[3]", "bad_row"),
    ]


def coco(folder: Path) -> Path:
    write_images(folder / "val2017", ("1.jpg", "2.jpg"))
    whole = {
        "info": {},
        "images": [
            {"id": 1, "file_name": "1.jpg"},
            {"id": 2, "file_name": "2.jpg"},
            {"id": 3, "file_name": "3.jpg"},
        ],
        "annotations": [
            {"image_id": 2, "id": 1, "caption": "a cat "},
            {"image_id": 1, "id": 2, "caption": "a dog"},
            {"image_id": 9, "id": 3, "caption": "unknown"},
        ],
    }
    path = folder / "annotations" / "captions_val2017.json"
    path.parent.mkdir()
    path.write_text(json.dumps(whole), "utf-8")
    return path


def test_coco(tmp_path: Path) -> None:
    source = read_source(coco(tmp_path))
    assert source.format == "coco"
    assert lists_of(relevance(source)) == [("a cat", "en", {"2.jpg": 1.0}), ("a dog", "en", {"1.jpg": 1.0})]
    assert set(relevance(source).splits) == {"val"}
    assert found(source) == [("images[2]", "missing_image"), ("annotations[2]", "unknown_image")]


def muge(folder: Path) -> Path:
    encoded = [base64.b64encode(jpeg(i)).decode() for i in range(3)]
    urlsafe = base64.urlsafe_b64encode(jpeg(1)).decode()
    rows = [f"10\t{encoded[0]}", f"11\t{urlsafe}", "12\tno base64!", "13", f"10\t{encoded[2]}", "14\t"]
    (folder / "valid_imgs.tsv").write_text("\n".join(rows) + "\n")
    write_jsonl(
        folder / "valid_queries.jsonl",
        [
            {"query_id": 1, "query_text": "高领毛衣", "item_ids": [11, 10]},
            {"query_id": 2, "query_text": "坏的", "item_ids": [12]},
            {"query_id": 3, "query_text": "没有", "item_ids": []},
        ],
    )
    return folder


def test_muge(tmp_path: Path) -> None:
    source = read_source(muge(tmp_path))
    data = relevance(source)
    assert source.format == "muge"
    assert lists_of(data) == [("高领毛衣", "zh", {"10": 1.0, "11": 1.0})]
    assert [picture.read() for picture in data.pictures] == [jpeg(0), jpeg(1)]
    assert data.splits == ("valid", "valid")
    assert found(source) == [
        ("valid_imgs.tsv:3", "bad_base64"),
        ("valid_imgs.tsv:4", "bad_row"),
        ("valid_imgs.tsv:5", "duplicate_image"),
        ("valid_imgs.tsv:6", "damaged_image"),
        ("valid_queries.jsonl:2", "unknown_image"),
        ("valid_queries.jsonl:3", "no_positive"),
    ]


def test_flickr30k_cn_texts_with_one_table(tmp_path: Path) -> None:
    (tmp_path / "train_imgs.tsv").write_text(f"7\t{base64.b64encode(jpeg(0)).decode()}")
    write_jsonl(tmp_path / "train_texts.jsonl", [{"text_id": 0, "text": "两个人", "image_ids": [7]}])
    source = read_source(tmp_path / "train_imgs.tsv")
    assert lists_of(relevance(source)) == [("两个人", "zh", {"7": 1.0})]


def test_a_table_without_queries_is_named(tmp_path: Path) -> None:
    (tmp_path / "train_imgs.tsv").write_text(f"7\t{base64.b64encode(jpeg(0)).decode()}")
    with pytest.raises(DataError, match=r"neither .*train_texts\.jsonl nor .*train_queries\.jsonl"):
        read_source(tmp_path)


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def webdataset(folder: Path) -> Path:
    write_tar(
        folder / "train-000.tar",
        {
            "./a.jpg": jpeg(0),
            "./a.txt": b"a dog\n",
            "./a.json": json.dumps({"caption": "a dog", "zh": ["一只狗"], "width": 64}).encode(),
            "b.jpg": jpeg(1),
            "b.cls": b"3",
            "c.txt": b"no image",
            "d.jpg": jpeg(2),
            "d.json": b"{",
        },
    )
    write_tar(
        folder / "train-001.tar",
        {"e.jpg": jpeg(3), "e.json": b'{"en": "a cat"}', "a.jpg": b"x", "a.txt": b"y"},
    )
    return folder


def test_webdataset_reads_places_not_bytes(tmp_path: Path) -> None:
    source = read_source(webdataset(tmp_path))
    data = relevance(source)
    assert source.format == "webdataset"
    assert lists_of(data) == [
        ("a dog", "en", {"a": 1.0}),
        ("一只狗", "zh", {"a": 1.0}),
        ("a cat", "en", {"e": 1.0}),
    ]
    assert [picture.read() for picture in data.pictures] == [jpeg(0), jpeg(3)]
    assert data.splits == ("train", "train")
    assert found(source) == [
        ("train-000.tar:b", "no_caption"),
        ("train-000.tar:c", "missing_image"),
        ("train-000.tar:d.json", "bad_row"),
        ("train-000.tar:d", "no_caption"),
        ("train-001.tar:a", "duplicate_image"),
    ]


def test_a_shard_cut_short_costs_what_is_lost(tmp_path: Path) -> None:
    shard = webdataset(tmp_path) / "train-000.tar"
    shard.write_bytes(shard.read_bytes()[:700])  # inside the first image
    source = read_source(tmp_path)
    assert relevance(source).queries == ("a cat", "y")
    assert ("train-000.tar:./a.jpg", "damaged_image") in found(source)


def test_compressed_shards_are_refused_with_the_remedy(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "train-000.tar.gz", "w:gz"):
        pass
    with pytest.raises(DataError, match=r"damaged_shard.*not compressed"):
        read_source(tmp_path / "train-000.tar.gz")


def clicks(folder: Path) -> Path:
    write_images(folder / "images", NAMES)
    write_jsonl(
        folder / "clicks.jsonl",
        [
            {"query": "红色汽车", "shown": ["a.jpg", "b", "c.jpg"], "clicks": ["b"]},
            {"query": "car", "shown": ["a.jpg", "b"], "grades": [0.5, 3], "language": "zh"},
            {"query": "none", "shown": ["a.jpg", "c.jpg"], "clicks": []},
            {"query": "all", "shown": ["a.jpg", "c.jpg"], "clicks": ["c.jpg", "a.jpg"]},
            {"query": "twice", "shown": ["a.jpg", "a.jpg", "c.jpg"], "grades": [0, 1, 0]},
            {"query": "nan", "shown": ["a.jpg", "c.jpg", "b"], "grades": [float("nan"), 1, 0]},
            {"query": "minus", "shown": ["a.jpg", "c.jpg"], "grades": [-1, 1]},
            {"query": "short", "shown": ["a.jpg", "c.jpg"], "grades": [1]},
            {"query": "gone", "shown": ["gone", "c.jpg"], "clicks": ["gone"]},
            {"query": "elsewhere", "shown": ["a.jpg", "c.jpg"], "clicks": ["b", "c.jpg"]},
            {"query": "", "shown": ["a.jpg", "c.jpg"], "clicks": ["a.jpg"]},
            {"query": "nothing shown", "shown": []},
        ],
    )
    return folder


def test_click_logs(tmp_path: Path) -> None:
    source = read_source(clicks(tmp_path))
    assert source.format == "clicks"
    assert lists_of(relevance(source)) == [
        ("红色汽车", "zh", {"a.jpg": 0.0, "b": 1.0, "c.jpg": 0.0}),
        ("car", "zh", {"a.jpg": 0.5, "b": 3.0}),
        ("twice", "en", {"a.jpg": 1.0, "c.jpg": 0.0}),
        ("nan", "en", {"c.jpg": 1.0, "b": 0.0}),
        ("minus", "en", {"c.jpg": 1.0}),
        ("elsewhere", "en", {"a.jpg": 0.0, "c.jpg": 1.0}),
    ]
    assert found(source) == [
        ("clicks.jsonl:3", "no_positive"),
        ("clicks.jsonl:4", "equal_grades"),
        ("clicks.jsonl:5", "duplicate_item"),
        ("clicks.jsonl:6", "bad_grade"),
        ("clicks.jsonl:7", "bad_grade"),
        ("clicks.jsonl:8", "bad_row"),
        ("clicks.jsonl:9", "missing_image"),
        ("clicks.jsonl:9", "no_positive"),
        ("clicks.jsonl:10", "unknown_image"),
        ("clicks.jsonl:11", "empty_query"),
        ("clicks.jsonl:12", "no_positive"),
    ]


def ubi(folder: Path) -> Path:
    write_images(folder / "images", NAMES)
    write_jsonl(
        folder / "ubi_queries.jsonl",
        [
            {"query_id": "q1", "user_query": "red car", "query_response_hit_ids": ["a", "b"]},
            {"query_id": "q2", "user_query": "雪山", "query_response_hit_ids": ["a", "b"]},
            {"query_id": "q3", "user_query": "empty", "query_response_hit_ids": []},
            {"query_id": "q1", "user_query": "red car", "query_response_hit_ids": ["b", "c"]},  # second page
        ],
    )

    def event(action: str, query: str, image: str) -> dict[str, Any]:
        return {
            "action_name": action,
            "query_id": query,
            "event_attributes": {"object": {"object_id": image}},
        }

    write_jsonl(
        folder / "ubi_events.jsonl",
        [
            event("impression", "q1", "a"),
            event("download", "q1", "b"),
            event("click", "q1", "b"),
            event("click", "q1", "c"),
            event("click", "q1", "elsewhere"),
            event("click", "nobody", "a"),
            {"action_name": "click", "query_id": "q2"},
        ],
    )
    return folder


def test_ubi_grades_shown_clicked_downloaded(tmp_path: Path) -> None:
    source = read_source(ubi(tmp_path))
    assert source.format == "ubi"
    assert lists_of(relevance(source)) == [("red car", "en", {"a": 0.0, "b": 2.0, "c": 1.0})]
    assert found(source) == [
        ("ubi_events.jsonl:7", "bad_row"),
        ("ubi_queries.jsonl:3", "no_positive"),
        ("ubi_queries.jsonl:1", "unknown_image"),
        ("ubi_queries.jsonl:2", "no_positive"),
        ("ubi_events.jsonl", "unknown_query"),
    ]


@pytest.mark.parametrize("make", [captions_folder, karpathy, coco, muge, webdataset, clicks, ubi])
def test_a_format_can_be_forced_and_reads_the_same(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    source = read_source(path)
    forced = read_source(path, source.format)
    assert lists_of(relevance(forced)) == lists_of(relevance(source))


def test_unknown_sources_and_formats_are_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    for path, format_, words, reason in [
        (tmp_path / "nowhere", None, "does not exist", "source_not_found"),
        (tmp_path / "notes.txt", None, ", ".join(FORMATS), "unknown_format"),
        (tmp_path / "notes.txt", "xml", "'xml' is unknown", "unknown_format"),
        (tmp_path / "notes.txt", "karpathy", "not valid JSON", "bad_json"),
        (tmp_path, "captions", r"captions\.jsonl", "vanished"),
        (tmp_path, "karpathy", "cannot be read as karpathy", "unreadable"),
    ]:
        with pytest.raises(DataError, match=words) as caught:
            read_source(path, format_)
        assert caught.value.reason == reason


def test_images_can_lie_elsewhere(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", ["a.jpg"])
    path = write_jsonl(tmp_path / "set" / "train.jsonl", [{"image": "a.jpg", "en": ["a dog"]}])
    assert relevance(read_source(path, images=tmp_path / "photos")).queries == ("a dog",)
    with pytest.raises(DataError, match="should hold the images") as caught:
        read_source(path, images=tmp_path / "nowhere")
    assert caught.value.reason == "source_not_found"
