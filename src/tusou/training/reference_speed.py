"""How fast a step of the reference network is on this machine, beside what its matrix products allow.

The step is the trainer's own: its heads, scorer, objective and optimiser, on features that lie in memory.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tusou.training.build import OBJECTIVES, build_scorer
from tusou.training.config import ObjectiveConfig, OptimizerConfig, ScorerConfig
from tusou.training.data.batches import ListBatches, Relevance
from tusou.training.data.feature_cache import FeatureCache
from tusou.training.data.inputs import CachedImages, CachedTexts
from tusou.training.data.relevance import FilePicture, RelevanceData
from tusou.training.model import RelevanceModel
from tusou.training.optimizer import build_optimizer
from tusou.training.towers.image.cached import CachedImageFeatures
from tusou.training.towers.text.cached import CachedTextFeatures

QUERY_WIDTH, IMAGE_WIDTH, DIM = 100, 1000, 512
SQUARE = 2048
WARM_UP = 5
LOADER_IMAGES = 8000
"""Images the loader draws from, each with five queries: the size of Flickr8k."""


@dataclass(frozen=True)
class Timed:
    """Seconds of one call.

    Attributes:
        wall: Median of the clock.
        cpu: Median of the processor time of all threads, which a busy machine inflates less.
        best: Least processor time.
    """

    wall: float
    cpu: float
    best: float


def step_flops(batch: int) -> int:
    """Multiplications and additions of a step's matrix products, activations left out.

    Each weight meets its rows twice: forward, and for its gradient; features need no gradient. Two images
    belong to each query.
    """
    return 2 * 2 * batch * DIM * (QUERY_WIDTH + 2 * IMAGE_WIDTH)


def reference_step(batch: int) -> Callable[[], float]:
    """A training step of the reference network on random features; it returns the loss.

    Args:
        batch: Rows: a query, its image and another one.
    """
    scorer = build_scorer(ScorerConfig(dim=DIM, head="tanh"), IMAGE_WIDTH, QUERY_WIDTH)
    model = RelevanceModel(CachedImageFeatures(IMAGE_WIDTH), CachedTextFeatures(QUERY_WIDTH), scorer)
    objective = OBJECTIVES["ranknet"](ObjectiveConfig(type="ranknet", reduction="sum"))
    optimizer = build_optimizer([("head", list(scorer.parameters()))], OptimizerConfig(lr=1e-3))
    queries, images = torch.randn(batch, QUERY_WIDTH), torch.randn(2 * batch, IMAGE_WIDTH)
    items = torch.arange(2 * batch).reshape(2, batch).T.contiguous()
    grades, known = torch.tensor([[1.0, 0.0]]).repeat(batch, 1), torch.ones(batch, 2, dtype=torch.bool)

    def step() -> float:
        optimizer.zero_grad()
        rows = model.encode_text((queries,)), model.encode_image(images)
        loss = objective(model.joint_scores(*rows, items), grades, known)
        torch.autograd.backward(loss)
        optimizer.step()
        return loss.item()

    return step


def reference_loader(batch: int, folder: Path) -> Callable[[], tuple[tuple[Tensor, ...], Tensor]]:
    """Drawing a step's lists and reading their rows, as a run on cached features does.

    Args:
        batch: Queries, each with a relevant image and a random one.
        folder: Where float16 rows of LOADER_IMAGES images and five queries each are written and mapped.
    """
    pictures = tuple(FilePicture(str(i), folder / f"{i}.jpg") for i in range(LOADER_IMAGES))
    count = 5 * LOADER_IMAGES
    data = RelevanceData(
        pictures=pictures,
        queries=tuple(f"query {i}" for i in range(count)),
        languages=("",) * count,
        offsets=np.arange(count + 1),
        items=np.arange(count) // 5,
        grades=np.ones(count, np.float32),
        splits=("train",) * LOADER_IMAGES,
    )
    images = CachedImages(_cached(folder, "images", LOADER_IMAGES, IMAGE_WIDTH))
    texts = CachedTexts(_cached(folder, "texts", count, QUERY_WIDTH))
    batches = ListBatches(Relevance(data), min(batch, count), 2, 0)
    steps = itertools.count()

    def load() -> tuple[tuple[Tensor, ...], Tensor]:
        drawn = batches.batch(*divmod(next(steps), len(batches)))
        return texts.take(drawn.queries), images.take(drawn.images, None)

    return load


def _cached(folder: Path, view: str, count: int, width: int) -> npt.NDArray[np.float16]:
    rng = np.random.default_rng(0)
    cache = FeatureCache(folder, "0" * 16, "0" * 16, view, count)
    return cache.build(lambda rows: rng.standard_normal((len(rows), width), np.float32), batch=count)


def matrix_products(batch: int) -> dict[str, tuple[Callable[[], Tensor], int]]:
    """The largest products of a step and a big square one, each with its floating-point operations."""
    rows = 2 * batch
    shapes = {
        "forward": (rows, IMAGE_WIDTH, DIM),
        "backward": (DIM, rows, IMAGE_WIDTH),
        "square": (SQUARE, SQUARE, SQUARE),
    }
    return {name: (_product(*shape), 2 * shape[0] * shape[1] * shape[2]) for name, shape in shapes.items()}


def _product(rows: int, inner: int, columns: int) -> Callable[[], Tensor]:
    left, right = torch.randn(rows, inner), torch.randn(inner, columns)
    out = torch.empty(rows, columns)
    return lambda: torch.mm(left, right, out=out)


def measure_reference_step(batch: int = 1000, steps: int = 30, threads: int = 1) -> dict[str, Any]:
    """Time the step and the matrix products in turns, so that both see the same machine.

    Args:
        batch: Rows of a step.
        steps: Steps that are timed.
        threads: Of a matrix product.

    Returns:
        Steps per second, operations, the peak and the step's share of it; seconds of drawing and reading a
        batch from cached features, and their ratio to the step's.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        torch.manual_seed(0)
        step, products = reference_step(batch), matrix_products(batch)
        with tempfile.TemporaryDirectory(prefix="tusou-bench-") as folder:
            loader = reference_loader(batch, Path(folder))
            calls: dict[str, Callable[[], object]] = {"step": step, "loader": loader}
            calls |= {name: call for name, (call, _) in products.items()}
            first = step() / batch
            times = _in_turns(calls, steps)
            last = step() / batch
    finally:
        torch.set_num_threads(before)
    rates = {name: flops / times[name].best / 1e9 for name, (_, flops) in products.items()}
    achieved = step_flops(batch) / times["step"].best / 1e9
    return {
        "batch": batch,
        "steps": steps,
        "threads": threads,
        "dtype": "float32",
        "torch": torch.__version__,
        "seconds_per_step": times["step"].wall,
        "cpu_seconds_per_step": times["step"].cpu,
        "best_cpu_seconds_per_step": times["step"].best,
        "loader_seconds_per_step": times["loader"].wall,
        "loader_share_of_step": times["loader"].wall / times["step"].wall,
        "steps_per_s": 1 / times["step"].wall,
        "gflop_per_step": step_flops(batch) / 1e9,
        "gflops": achieved,
        "matrix_gflops": rates,
        "share_of_peak": achieved / max(rates.values()),
        "first_loss_per_row": first,
        "last_loss_per_row": last,
    }


def _in_turns(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, Timed]:
    wall: dict[str, list[float]] = {name: [] for name in calls}
    cpu: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(WARM_UP + repeats):
        for name, call in calls.items():
            start, cpu_start = time.perf_counter(), time.process_time()
            call()
            if turn >= WARM_UP:
                wall[name].append(time.perf_counter() - start)
                cpu[name].append(time.process_time() - cpu_start)
    return {
        name: Timed(statistics.median(wall[name]), statistics.median(cpu[name]), min(cpu[name]))
        for name in calls
    }
