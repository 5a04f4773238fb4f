"""Images with classes: folders, idx and npz files."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from data_builders import jpeg, write_images

from tusou.errors import DataError
from tusou.training.data.reading import DataSource, read_source
from tusou.training.data.relevance import ClassData

Array = npt.NDArray[Any]


def classes(source: DataSource) -> ClassData:
    assert isinstance(source.data, ClassData)
    return source.data


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    write_images(tmp_path, ["dog/1.jpg", "cat/2.jpg", "cat/deep/3.jpg", "cat/.hidden.jpg"])
    (tmp_path / "cat" / "readme.txt").write_text("no image")
    (tmp_path / "cat" / "empty.jpg").touch()
    source = read_source(tmp_path)
    data = classes(source)
    assert source.format == "folder"
    assert data.class_names == ("cat", "dog")
    assert [picture.key for picture in data.pictures] == ["cat/2.jpg", "cat/deep/3.jpg", "dog/1.jpg"]
    assert data.labels.tolist() == [0, 0, 1]
    assert data.pictures[2].read() == jpeg(0)
    assert source.problems.counts == {"damaged_image": 1}


def test_split_folders_hold_the_same_classes(tmp_path: Path) -> None:
    write_images(tmp_path, ["train/dog/1.jpg", "train/cat/2.jpg", "val/dog/3.jpg"])
    data = classes(read_source(tmp_path))
    assert data.class_names == ("cat", "dog")
    assert list(zip(data.splits, data.labels.tolist(), strict=True)) == [
        ("train", 0),
        ("train", 1),
        ("val", 1),
    ]


def test_a_folder_of_empty_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "empty.jpg").touch()
    with pytest.raises(DataError, match="1 damaged_image"):
        read_source(tmp_path)


def digits(count: int, shape: tuple[int, ...] = (4, 5)) -> npt.NDArray[np.uint8]:
    return np.arange(count * int(np.prod(shape)), dtype=np.uint8).reshape(count, *shape)


def write_npz(folder: Path, **arrays: Array) -> Path:
    np.savez_compressed(folder / "digits.npz", **arrays)  # type: ignore[arg-type] # numpy's stub
    return folder / "digits.npz"


def test_npz(tmp_path: Path) -> None:
    path = write_npz(
        tmp_path, x_test=digits(2), y_test=np.array([1, 0]), x_train=digits(3), y_train=np.array([2, 0, 1])
    )
    source = read_source(path)
    data = classes(source)
    assert source.format == "npz"
    assert data.splits == ("train", "train", "train", "test", "test")
    assert data.labels.tolist() == [2, 0, 1, 1, 0]
    assert data.class_names == ("0", "1", "2")
    assert data.pixels is not None
    np.testing.assert_array_equal(data.pixels, np.concatenate([digits(3), digits(2)]))


def test_a_label_below_zero_costs_its_row(tmp_path: Path) -> None:
    source = read_source(write_npz(tmp_path, x_train=digits(3), y_train=np.array([0, -1, 1])))
    data = classes(source)
    assert data.pixels is not None
    np.testing.assert_array_equal(data.pixels, digits(3)[[0, 2]])
    assert [(row.where, row.reason) for row in source.problems.rows] == [("train[1]", "bad_label")]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x_train": digits(2)}, "expected x_train with y_train"),
        ({"images": digits(2)}, "expected x_train with y_train"),
        ({"x_train": digits(2).astype(np.float32), "y_train": np.zeros(2, int)}, "float32.*expected uint8"),
        ({"x_train": digits(2)[0], "y_train": np.zeros(4, int)}, r"\(4, 5\); expected uint8"),
        ({"x_train": digits(2, (4, 4, 4)), "y_train": np.zeros(2, int)}, "expected uint8"),
        ({"x_train": digits(2), "y_train": np.zeros(3, int)}, "one label per image"),
        ({"x_train": digits(2), "y_train": np.zeros((2, 10), int)}, "one label per image"),
        ({"x_train": digits(2), "y_train": np.zeros(2)}, "whole numbers"),
        (
            {
                "x_train": digits(2),
                "y_train": np.zeros(2, int),
                "x_test": digits(2, (3, 3)),
                "y_test": np.zeros(2, int),
            },
            "differ in shape",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, Array], words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_source(write_npz(tmp_path, **arrays))
    assert caught.value.reason == "bad_arrays"


def test_only_bad_labels_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 bad_label"):
        read_source(write_npz(tmp_path, x_train=digits(2), y_train=np.array([-1, -1])))


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    path = write_npz(tmp_path, x_train=np.array([{}], dtype=object), y_train=np.zeros(1, int))
    with pytest.raises(DataError, match="allow_pickle") as caught:
        read_source(path)
    assert caught.value.reason == "damaged_file"


def test_a_damaged_npz_is_named(tmp_path: Path) -> None:
    path = write_npz(tmp_path, x_train=digits(200), y_train=np.zeros(200, int))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=r"digits\.npz cannot be read") as caught:
        read_source(path)
    assert caught.value.reason == "damaged_file"


def idx_bytes(array: Array, kind: int = 8) -> bytes:
    return (
        struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape)
        + array.astype(np.uint8).tobytes()
    )


@pytest.mark.parametrize(("ending", "pack"), [("", bytes), (".gz", gzip.compress)])
def test_idx(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    for prefix, count in [("train", 3), ("t10k", 2)]:
        (tmp_path / f"{prefix}-images-idx3-ubyte{ending}").write_bytes(pack(idx_bytes(digits(count))))
        (tmp_path / f"{prefix}-labels-idx1-ubyte{ending}").write_bytes(pack(idx_bytes(np.arange(count))))
    source = read_source(tmp_path)
    data = classes(source)
    assert source.format == "idx"
    assert sorted(zip(data.splits, data.labels.tolist(), strict=True)) == [
        ("test", 0),
        ("test", 1),
        ("train", 0),
        ("train", 1),
        ("train", 2),
    ]
    assert data.pixels is not None
    np.testing.assert_array_equal(data.pixels[np.array(data.splits) == "train"], digits(3))
    alone = classes(read_source(tmp_path / f"t10k-images-idx3-ubyte{ending}"))
    assert alone.splits == ("test", "test")


WHOLE = idx_bytes(digits(3))


@pytest.mark.parametrize(
    "data",
    [b"", WHOLE[:2], WHOLE[:10], WHOLE[:-1], WHOLE + b"\0", idx_bytes(digits(3), kind=13), b"\1" + WHOLE[1:]],
    ids=["empty", "no axes", "no sizes", "cut short", "too long", "float32", "magic"],
)
def test_a_damaged_idx_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(data)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(3)))
    with pytest.raises(DataError, match="train-images-idx3-ubyte is no idx file of uint8") as caught:
        read_source(tmp_path)
    assert caught.value.reason == "damaged_file"


def test_idx_without_labels_or_with_broken_gzip(tmp_path: Path) -> None:
    images = tmp_path / "train-images-idx3-ubyte.gz"
    images.write_bytes(gzip.compress(WHOLE)[:-9])
    with pytest.raises(DataError, match=r"no .*train-labels-idx1-ubyte\.gz"):
        read_source(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(np.arange(3))))
    with pytest.raises(DataError, match="cannot be read"):
        read_source(tmp_path)
