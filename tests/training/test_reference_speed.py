"""The benchmark of training: operations counted by hand, a step that learns, PaddlePaddle's missing place."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tusou.bench.training import measure_training
from tusou.errors import TrainingError
from tusou.training.reference_speed import (
    measure_reference_step,
    reference_loader,
    reference_step,
    step_flops,
)

pytestmark = pytest.mark.train


def test_operations_of_a_step() -> None:
    query, image = 1000 * 100 * 512, 2000 * 1000 * 512  # multiply-adds of one product
    assert step_flops(1000) == 2 * (2 * query + 2 * image)


def test_a_step_learns_and_the_report_is_whole() -> None:
    torch.manual_seed(0)
    step = reference_step(16)
    losses = [step() for _ in range(30)]
    assert losses[-1] < 0.7 * losses[0]
    threads = torch.get_num_threads()
    report = measure_reference_step(batch=8, steps=2, threads=1)
    assert torch.get_num_threads() == threads
    assert report["matrix_gflops"].keys() == {"forward", "backward", "square"}
    assert report["share_of_peak"] == pytest.approx(report["gflops"] / max(report["matrix_gflops"].values()))
    assert report["loader_share_of_step"] == pytest.approx(
        report["loader_seconds_per_step"] / report["seconds_per_step"]
    )
    assert report["first_loss_per_row"] == pytest.approx(0.693, abs=0.02)


def test_the_loader_reads_the_rows_of_its_lists(tmp_path: Path) -> None:
    (texts,), images = reference_loader(32, tmp_path)()
    assert texts.shape == (32, 100)
    assert 32 < len(images) <= 64
    assert images.shape[1] == 1000
    assert texts.isfinite().all()
    assert images.std() == pytest.approx(1.0, abs=0.05)


def test_an_environment_without_paddle_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="--paddle takes a virtual environment") as caught:
        measure_training(batch=8, steps=1, paddle=tmp_path)
    assert caught.value.reason == "paddle_failed"
