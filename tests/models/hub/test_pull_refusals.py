"""What can go wrong with a pull ends in one sentence and in nothing half installed."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
import tiny_towers as towers
from click.testing import CliRunner, Result
from hub_server import Hub
from tiny_models import tiny_repository
from tiny_tokenizers import bert, clip, xlmr

from tusou.cli.models_pull import pull
from tusou.errors import BundleError, StorageFull, TusouError
from tusou.models.hub.known import KNOWN, known_model
from tusou.models.hub.remote import default_hub

NAME = "chinese-clip-b16"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub(
        {"our/copy": dict(tiny_repository(NAME)), "our/apple": tiny_repository("mobileclip2-s0")}
    ) as running:
        yield running


def run(hub: Hub, folder: Path, *arguments: str, answer: str = "y\n") -> Result:
    options = ["--hub", hub.address, "--repository", "our/copy", "--output", str(folder / "bundle")]
    return CliRunner().invoke(pull, [*(arguments or (NAME,)), *options], input=answer)


def refusal(result: Result, kind: type[TusouError] = BundleError) -> TusouError:
    assert isinstance(result.exception, kind), (result.exception, result.output)
    return result.exception


def test_licence_size_and_digests_are_shown_before_the_question(hub: Hub, tmp_path: Path) -> None:
    result = run(hub, tmp_path, answer="n\n")
    assert refusal(result).reason == "license_not_accepted"
    shown = result.stderr
    assert "licence: MIT (the authors' code" in shown
    assert "size:" in shown
    assert "(not pinned)" in shown
    assert shown.index("licence") < shown.index("Pull it under this licence?")
    assert hub.downloads("") == []
    assert list(tmp_path.iterdir()) == []


def test_yes_goes_on(hub: Hub, tmp_path: Path) -> None:
    result = run(hub, tmp_path)
    assert result.exit_code == 0, result.exception
    assert f"{NAME}-hub-01234567-" in result.stdout


def test_a_restricted_licence_is_accepted_by_name_only(hub: Hub, tmp_path: Path) -> None:
    options = ["mobileclip2-s0", "--hub", hub.address, "--repository", "our/apple", "--yes"]
    options += ["--output", str(tmp_path / "bundle")]
    for given in ([], ["--accept-license", "MIT"]):
        error = refusal(CliRunner().invoke(pull, [*options, *given]))
        assert "apple-amlr (research purposes only" in str(error)
        assert "--accept-license apple-amlr" in str(error)
    assert CliRunner().invoke(pull, [*options, "--accept-license", "apple-amlr"]).exit_code == 0


def test_an_interrupted_pull_goes_on_and_leaves_nothing_behind(hub: Hub, tmp_path: Path) -> None:
    hub.breaks = 5  # as often as it tries
    assert refusal(run(hub, tmp_path)).reason == "hub_unreachable"
    assert [path.name for path in tmp_path.iterdir()] == [f".pull-{NAME}"]
    hub.requests.clear()
    assert run(hub, tmp_path).exit_code == 0
    assert hub.downloads("model.onnx")[0].startswith("bytes=")
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def broken(hub: Hub, path: str, content: bytes) -> None:
    hub.repositories["our/copy"][path] = content


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("tokenizer.json", xlmr().encode(), "expected the tokens [CLS], [SEP], [PAD], found"),
        ("tokenizer.json", b"[]", "is no tokenizer.json"),
        ("tokenizer.json", b"<html>", "is no tokenizer.json"),
        ("onnx/model.onnx", towers.one_image("image", "image_embeds", 512), "found inputs image and outputs"),
        ("onnx/model.onnx", towers.chinese_clip_joint(bert(), dim=64), "expected (2, 512), got (2, 64)"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(
    hub: Hub, tmp_path: Path, path: str, content: bytes, words: str
) -> None:
    broken(hub, path, content)
    assert words in str(refusal(run(hub, tmp_path)))
    assert not (tmp_path / "bundle").exists()


def test_a_vocabulary_of_another_language_is_found_out(hub: Hub, tmp_path: Path) -> None:
    """Every text would become the unknown token and every search the same; this happened to others."""
    document = json.loads(bert())
    kept = list(document["model"]["vocab"])[:4]
    document["model"]["vocab"] = {token: i for i, token in enumerate(kept)}
    broken(hub, "tokenizer.json", json.dumps(document).encode())
    assert "expected different embeddings of texts 一辆红色的汽车" in str(refusal(run(hub, tmp_path)))
    assert not (tmp_path / "bundle").exists()


def test_an_opset_of_the_future_is_refused(hub: Hub, tmp_path: Path) -> None:
    model = onnx.load_from_string(towers.chinese_clip_joint(bert()))
    model.opset_import[0].version = 99
    broken(hub, "onnx/model.onnx", model.SerializeToString())
    error = refusal(run(hub, tmp_path))
    assert re.search(r"model\.onnx: expected opset \d+ at most, found 99", str(error))


def test_too_little_room_is_told_before_anything_is_fetched(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tusou.models.hub.pull.shutil.disk_usage", lambda _: SimpleNamespace(free=5000))
    assert "5,000 are free" in str(refusal(run(hub, tmp_path), StorageFull))
    assert hub.downloads("") == []


def test_a_folder_that_is_there_is_left_alone(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    assert refusal(run(hub, tmp_path)).reason == "bundle_exists"
    assert hub.requests == []


def test_an_unknown_name_lists_the_known_ones(hub: Hub, tmp_path: Path) -> None:
    error = refusal(run(hub, tmp_path, "nosuch"))
    assert all(model.name in str(error) for model in KNOWN)


def test_a_model_without_a_public_export_says_how(tmp_path: Path) -> None:
    error = refusal(CliRunner().invoke(pull, ["chinese-clip-rn50"]))
    assert "rn50.img.fp32.onnx, rn50.txt.fp32.onnx, tokenizer.json" in str(error)
    assert "--repository" in str(error)


def test_without_a_name_everything_known_is_listed() -> None:
    assert all(model.name in CliRunner().invoke(pull, []).stdout for model in KNOWN)
    listed = json.loads(CliRunner().invoke(pull, ["--json"]).stdout)
    assert [row["name"] for row in listed] == [model.name for model in KNOWN]


def test_the_default_hub_is_the_client_library_s(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_hub().startswith("https://")
    monkeypatch.setitem(sys.modules, "huggingface_hub.constants", None)
    with pytest.raises(BundleError, match=r"tusou\[hub\]"):
        default_hub()


def test_every_known_model_is_described_whole() -> None:
    assert len({model.name for model in KNOWN}) == len(KNOWN) == 7
    for model in KNOWN:
        assert set(model.image.inputs) == {"pixels"}
        assert "ids" in model.text.inputs
        assert (
            model.text.inputs.get("mask") or model.tokens.pad_to_max
        )  # padding is masked or of fixed length
        assert all(len(file.sha256) in (0, 64) for file in model.files())
        assert all(not file.sha256 for file in known_model(model.name, "our/copy").files())


def test_the_end_token_of_clip_has_the_largest_id() -> None:
    """The tower pools there; the tiny tokenizer stands for the real one only if this holds."""
    added = json.loads(clip())["added_tokens"]
    assert max(token["id"] for token in added) == added[-1]["id"]
    assert added[-1]["content"] == known_model("mobileclip2-s0").tokens.eos
