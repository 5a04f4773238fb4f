"""Files arrive whole and unaltered, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hub_server import COMMIT, Hub

from tusou.errors import BundleError
from tusou.models.hub.download import download
from tusou.models.hub.entry import HubFile, HubModel
from tusou.models.hub.known import known_model
from tusou.models.hub.remote import RemoteFile, survey

LARGE = np.random.default_rng(0).bytes(300_000)
SMALL = b"{}"


@pytest.fixture
def model() -> HubModel:
    return known_model("mobileclip2-s0", "our/copy")


@pytest.fixture
def hub(model: HubModel) -> Iterator[Hub]:
    paths = [file.path for file in model.files()]
    with Hub({"our/copy": dict(zip(paths, [LARGE, LARGE[::-1], SMALL], strict=True))}) as running:
        yield running


@pytest.fixture
def remotes(hub: Hub, model: HubModel) -> tuple[RemoteFile, ...]:
    return survey(model, hub.address)


def test_a_survey_names_sizes_and_one_commit(remotes: tuple[RemoteFile, ...]) -> None:
    assert [remote.size for remote in remotes] == [len(LARGE), len(LARGE), len(SMALL)]
    assert {remote.commit for remote in remotes} == {COMMIT}
    assert all(f"/resolve/{COMMIT}/" in remote.url for remote in remotes)
    assert remotes[0].etag == hashlib.sha256(LARGE).hexdigest()


def test_a_survey_fetches_nothing(hub: Hub, remotes: tuple[RemoteFile, ...]) -> None:
    assert {method for method, _, _ in hub.requests} == {"HEAD"}
    assert [path for _, path, _ in hub.requests if path.startswith("/store")] == []


@pytest.mark.parametrize("i", [0, 2])
def test_a_file_arrives_with_its_digest(remotes: tuple[RemoteFile, ...], tmp_path: Path, i: int) -> None:
    arrived: list[int] = []
    target = tmp_path / "deep" / "file"
    digest = download(remotes[i], target, progress=arrived.append)
    content = [LARGE, LARGE[::-1], SMALL][i]
    assert target.read_bytes() == content
    assert digest == hashlib.sha256(content).hexdigest()
    assert sum(arrived) == len(content)
    assert list(target.parent.iterdir()) == [target]


def test_a_broken_connection_is_taken_up_again(
    hub: Hub, remotes: tuple[RemoteFile, ...], tmp_path: Path, pauses: list[float]
) -> None:
    hub.breaks = 2
    arrived: list[int] = []
    download(remotes[0], tmp_path / "file", progress=arrived.append)
    assert (tmp_path / "file").read_bytes() == LARGE
    asked = [wanted for wanted in hub.downloads("vision_model.onnx") if wanted]
    assert asked[-1] == "bytes=225000-"
    assert pauses == [1.0, 2.0]
    assert sum(arrived) == len(LARGE)


def test_a_later_pull_goes_on_where_this_one_gave_up(
    hub: Hub, remotes: tuple[RemoteFile, ...], tmp_path: Path
) -> None:
    hub.breaks = 5
    with pytest.raises(BundleError, match=r"vision_model\.onnx cannot be reached .*ended after") as caught:
        download(remotes[0], tmp_path / "file")
    assert caught.value.reason == "hub_unreachable"
    assert not (tmp_path / "file").exists()
    hub.requests.clear()
    download(remotes[0], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == LARGE
    assert hub.downloads("vision_model.onnx")[0].startswith("bytes=2")


def test_a_hub_without_ranges_sends_everything_again(
    hub: Hub, remotes: tuple[RemoteFile, ...], tmp_path: Path
) -> None:
    hub.breaks, hub.ignore_ranges = 1, True
    arrived: list[int] = []
    download(remotes[0], tmp_path / "file", progress=arrived.append)
    assert (tmp_path / "file").read_bytes() == LARGE
    assert sum(arrived) == len(LARGE)


def test_a_whole_file_is_not_fetched_again(hub: Hub, remotes: tuple[RemoteFile, ...], tmp_path: Path) -> None:
    download(remotes[0], tmp_path / "file")
    hub.requests.clear()
    assert download(remotes[0], tmp_path / "file") == hashlib.sha256(LARGE).hexdigest()
    assert hub.requests == []


def test_a_replaced_file_starts_anew(
    hub: Hub, model: HubModel, remotes: tuple[RemoteFile, ...], tmp_path: Path
) -> None:
    hub.breaks = 5
    with pytest.raises(BundleError):
        download(remotes[0], tmp_path / "file")
    hub.repositories["our/copy"][remotes[0].path] = LARGE[:200_000]
    download(survey(model, hub.address)[0], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == LARGE[:200_000]


def test_another_file_of_the_same_name_is_not_taken_for_it(
    remotes: tuple[RemoteFile, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(LARGE[:-1] + b"?")
    with pytest.raises(BundleError, match="expected digest"):
        download(remotes[0], tmp_path / "file")
    download(remotes[0], tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == LARGE


@pytest.mark.parametrize("i", [0, 2])
def test_a_wrong_digest_is_thrown_away(hub: Hub, model: HubModel, tmp_path: Path, i: int) -> None:
    path = model.files()[i].path
    hub.etags[path] = "ab" * (32 if i == 0 else 20)
    remote = survey(model, hub.address)[i]
    with pytest.raises(BundleError, match=rf"{path}: expected digest abab.*found .*pull again") as caught:
        download(remote, tmp_path / "file")
    assert caught.value.reason == "hub_digest"
    assert list(tmp_path.iterdir()) == []


def test_a_digest_that_is_not_the_pinned_one_is_refused(
    remotes: tuple[RemoteFile, ...], tmp_path: Path
) -> None:
    with pytest.raises(BundleError, match="expected digest cdcd") as caught:
        download(remotes[2], tmp_path / "file", pinned="cd" * 32)
    assert caught.value.reason == "hub_digest"


def test_a_pinned_digest_is_compared_before_anything_is_fetched(hub: Hub, model: HubModel) -> None:
    pinned = replace(model, image=replace(model.image, file=HubFile(model.image.file.path, "cd" * 32)))
    with pytest.raises(BundleError, match=r"vision_model\.onnx: expected sha256 cdcd.*nothing was fetched"):
        survey(pinned, hub.address)
    assert hub.downloads("") == []


def test_a_file_longer_than_announced_is_refused(hub: Hub, model: HubModel, tmp_path: Path) -> None:
    hub.sizes[model.files()[0].path] = 1000
    with pytest.raises(BundleError, match="expected 1,000 bytes, the hub sends more") as caught:
        download(survey(model, hub.address)[0], tmp_path / "file")
    assert caught.value.reason == "hub_digest"


def test_a_passing_fault_is_tried_again(hub: Hub, model: HubModel, pauses: list[float]) -> None:
    hub.answers = [503]
    assert len(survey(model, hub.address)) == 3
    assert pauses == [1.0]


@pytest.mark.parametrize(("status", "words"), [(404, "is not there"), (401, "try again"), (503, "try again")])
def test_a_lasting_fault_is_told(hub: Hub, model: HubModel, status: int, words: str) -> None:
    hub.answers = [status] * 9
    with pytest.raises(BundleError, match=rf"model\.onnx: the hub answers {status}; .*{words}") as caught:
        survey(model, hub.address)
    assert caught.value.reason == "hub_refused"


def test_a_machine_without_a_net_is_told_what_to_do(model: HubModel, pauses: list[float]) -> None:
    with pytest.raises(BundleError, match=r"cannot be reached .*offline.*--output.*--hub") as caught:
        survey(model, "http://127.0.0.1:1")
    assert caught.value.reason == "hub_unreachable"
    assert sum(pauses) <= 1


@pytest.mark.parametrize("address", ["file:///etc", "ftp://127.0.0.1", "127.0.0.1", ""])
def test_only_web_addresses_are_opened(model: HubModel, address: str) -> None:
    with pytest.raises(BundleError, match="no http address") as caught:
        survey(model, address)
    assert caught.value.reason == "hub_address"


def test_a_place_that_is_no_hub_is_told(hub: Hub, model: HubModel) -> None:
    hub.answers = [200]
    with pytest.raises(BundleError, match="is this a model hub") as caught:
        survey(model, hub.address)
    assert caught.value.reason == "hub_address"
