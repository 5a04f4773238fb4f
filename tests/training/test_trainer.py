"""Runs learn something, keep their best epoch, repeat themselves and stop when they should."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_builders import config_of, digits_table, shapes_table, write_digits, write_shapes

from tusou.errors import TrainingError
from tusou.training.prepare import prepare
from tusou.training.run import train_run
from tusou.training.run_folder import RunFolder
from tusou.training.trainer import Progress, Trainer

pytestmark = pytest.mark.train

DEV_PICTURES = 12


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes") / "data")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits") / "digits.npz")


def run(table: dict[str, Any], folder: Path) -> dict[str, Any]:
    result = train_run(config_of(table), folder)
    assert result is not None
    return result


def test_two_towers_answer_held_out_queries_in_both_languages(shapes: Path, tmp_path: Path) -> None:
    """New pictures, sentences never read: success@1 of chance is 1/12."""
    shuffled = write_shapes(tmp_path / "shuffled", shuffled=True)
    learnt = run(shapes_table(shapes, training={"epochs": 12}), tmp_path / "run")["measures"]
    control = run(shapes_table(shuffled, training={"epochs": 12}), tmp_path / "control")["measures"]
    assert learnt["success@1"] >= 0.6
    assert min(learnt["en_success@1"], learnt["zh_success@1"]) >= 0.5
    assert control["success@1"] <= 0.34
    assert learnt["median_rank"] == 1


def test_digits_are_told_apart(digits: Path, tmp_path: Path) -> None:
    result = run(digits_table(digits), tmp_path / "run")
    assert result["measures"]["accuracy"] >= 0.9  # chance: 0.1
    assert result["measures"]["error_percent"] == pytest.approx(100 * (1 - result["measures"]["accuracy"]))


def test_a_seed_repeats_itself_and_another_differs(digits: Path, tmp_path: Path) -> None:
    dropout = {"type": "classes", "dropout": 0.3}
    weights = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        table = digits_table(digits, seed=seed, scorer=dropout, training={"epochs": 1})
        run(table, tmp_path / name)
        weights.append((tmp_path / name / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_the_folder_says_what_was_run(shapes: Path, tmp_path: Path) -> None:
    table = shapes_table(shapes)
    result = run(table, tmp_path / "run")
    folder = tmp_path / "run"
    assert json.loads((folder / "result.json").read_text("utf-8")) == result == RunFolder(folder).result()
    assert config_of(table).model_dump(mode="json") == json.loads((folder / "config.json").read_text("utf-8"))
    about = json.loads((folder / "about.json").read_text("utf-8"))
    assert about["versions"]["torch"] == torch.__version__
    assert about["data"]["images"] == 60
    assert about["data"]["queries"] == 120
    assert len(about["data"]["digest"]) == 64
    with (folder / "history.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert max(float(row["success@1"]) for row in rows) == result["measures"]["success@1"]
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    assert [event.step for event in events.Scalars("success@1")] == [1, 2]
    assert events.Scalars("loss")[1].value == pytest.approx(float(rows[1]["loss"]))


class Scripted:
    """A task of one weight, which counts the steps and is measured as the script says."""

    measure = "accuracy"
    steps = 2

    def __init__(self, *measures: float, name: str = "accuracy") -> None:
        self.model = torch.nn.Linear(1, 1)
        self.measures, self.name, self.measured = measures, name, 0
        self.slope = 1.0

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def state(self) -> dict[str, torch.Tensor]:
        return {}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        pass

    def loss(self, epoch: int, step: int) -> torch.Tensor:
        assert (epoch, step < self.steps) == (self.epoch, True)
        loss: torch.Tensor = self.model(torch.ones(1, 1)).sum() * self.slope
        return loss

    def finish_step(self) -> None:
        pass

    def evaluate(self) -> dict[str, float]:
        self.measured += 1
        return {self.name: self.measures[self.measured - 1]}

    def parameter_groups(self) -> list[tuple[str, list[torch.nn.Parameter]]]:
        return [("head", list(self.model.parameters()))]


def trainer(task: Scripted, folder: Path, digits: Path, steps: list[Progress], **sections: Any) -> Trainer:
    return Trainer(task, config_of(digits_table(digits, **sections)), RunFolder(folder), report=steps.append)


def test_early_stopping_keeps_the_best_epoch(digits: Path, tmp_path: Path) -> None:
    task = Scripted(0.1, 0.5, 0.4, 0.5, 0.9)
    steps: list[Progress] = []
    training = trainer(
        task, tmp_path, digits, steps, training={"epochs": 9, "patience": 2}, optimizer={"type": "sgd"}
    )
    start = task.model.bias.item()
    place = training.run()
    assert (len(place.history), place.best_epoch, place.best) == (4, 1, 0.5)
    # 2 epochs of 2 steps; nine tenths of the last update are kept as momentum: 1, 1.9, 2.71, 3.439
    assert task.model.bias.item() == pytest.approx(start - 2e-3 * (1 + 1.9 + 2.71 + 3.439), abs=1e-6)
    assert steps[-1].measures == {"accuracy": 0.5}
    assert [step.done for step in steps] == sorted(step.done for step in steps)


@pytest.mark.parametrize("name", ["error_percent", "zh_median_rank"])
def test_a_measure_of_errors_chooses_its_lowest_epoch(digits: Path, tmp_path: Path, name: str) -> None:
    task = Scripted(5.0, 2.0, 3.0, name=name)
    place = trainer(task, tmp_path, digits, [], training={"measure": name}).run()
    assert (place.best, place.best_epoch) == (2.0, 1)


def test_an_unknown_measure_is_refused(digits: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="'recall' is not measured; there are: accuracy") as caught:
        trainer(Scripted(0.1), tmp_path, digits, [], training={"measure": "recall"}).run()
    assert caught.value.reason == "unknown_measure"


def test_the_running_mean_is_what_is_measured_and_kept(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Scripted(0.1, 0.2, 0.3)
    seen: list[float] = []
    training = trainer(
        task, tmp_path, digits, [], optimizer={"type": "sgd", "momentum": 0.0, "average": 0.99}
    )
    start = task.model.bias.item()
    measure = task.evaluate

    def evaluate() -> dict[str, float]:
        seen.append(task.model.bias.item())
        return measure()

    monkeypatch.setattr(task, "evaluate", evaluate)
    training.run()
    mean = weight = start - 2e-3
    for done in range(2, 7):
        weight -= 2e-3
        mean += (weight - mean) * (1 - done / (done + 10))
    assert task.model.bias.item() == seen[-1] == pytest.approx(mean, abs=1e-6)


def test_no_epochs_keep_the_start(shapes: Path, tmp_path: Path) -> None:
    config = config_of(shapes_table(shapes, training={"epochs": 0}))
    torch.manual_seed(config.seed)
    untouched = prepare(config).task.model.state_dict()
    result = train_run(config, tmp_path / "run")
    assert result is not None
    kept = load_file(tmp_path / "run" / "weights.safetensors")
    assert all(torch.equal(kept[name], untouched[name]) for name in untouched)
    assert train_run(config, tmp_path / "run")["measures"] == result["measures"]  # type: ignore[index]


def test_a_gradient_is_clipped(digits: Path, tmp_path: Path) -> None:
    task = Scripted(0.1)
    task.slope = 1e6
    training = trainer(
        task, tmp_path, digits, [],
        optimizer={"type": "sgd", "momentum": 0.0, "lr": 1.0, "clip": 0.5}, training={"epochs": 1},
    )  # fmt: skip
    start = task.model.bias.item()
    training.run()
    assert start - task.model.bias.item() == pytest.approx(2 * 0.5 * 0.5**0.5, rel=1e-4)
