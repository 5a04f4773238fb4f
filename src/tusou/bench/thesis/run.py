"""Run all worlds and seeds, some at a time, and write the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tusou.bench.thesis.experiment import run_seed
from tusou.bench.thesis.report import write_report
from tusou.bench.thesis.world import World
from tusou.errors import EvaluationError


def run_thesis(
    worlds: Sequence[str],
    seeds: int,
    work: Path,
    output: Path,
    flickr8k: Path | None,
    workers: int,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Run what is not there yet, then write the report.

    Args:
        worlds: ``emoji``, ``photos``.
        seeds: Of each world.
        work: Where packages and the figures of finished seeds are kept.
        output: Where the report goes.
        flickr8k: The photos' folder; without it their world is left out.
        workers: Seeds at a time.
        tell: Told what is going on.

    Raises:
        EvaluationError: A world's data cannot be had.
    """
    if "photos" in worlds and flickr8k is None:
        tell("world B is left out: it needs Flickr8k; name its folder with --flickr8k")
        worlds = [world for world in worlds if world != "photos"]
    if not worlds:
        raise EvaluationError("no world is left to try: name --flickr8k, or --world emoji", reason="no_world")
    if "emoji" in worlds:
        from tusou.bench.thesis.emoji import fetch_packages

        fetch_packages(work / "packages")
    tasks = [(world, seed) for seed in range(seeds) for world in worlds]
    found = {}
    for library in (
        "OMP",
        "OPENBLAS",
        "MKL",
    ):  # a core for each process; more threads would wait for each other
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        waiting = {pool.submit(_one, world, seed, work, flickr8k): (world, seed) for world, seed in tasks}
        for done in as_completed(waiting):
            found[waiting[done]] = done.result()
            world, seed = waiting[done]
            tell(f"{world}, seed {seed}: done, {len(found)} of {len(tasks)}")
    return write_report([found[task] for task in sorted(tasks)], output)


def _one(world: str, seed: int, work: Path, flickr8k: Path | None) -> dict[str, Any]:
    make = partial(_make, world, seed, work, flickr8k)
    return run_seed(make, seed, work / f"{world}-{seed}.json")


def _make(world: str, seed: int, work: Path, flickr8k: Path | None) -> World:
    from tusou.encoders.bundle_encoder import open_encoder

    encoder = open_encoder("base")
    if world == "emoji":
        from tusou.bench.thesis.emoji import emoji_world

        return emoji_world(work / "packages", encoder, seed)
    from tusou.bench.thesis.photos import photo_world

    assert flickr8k is not None
    return photo_world(flickr8k, encoder, seed)
