"""What a figure depends on besides the code: machine, versions, load; and how figures are summed up."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tusou import __version__

LIBRARIES = ("numpy", "faiss-cpu", "tantivy", "onnxruntime", "pillow", "simplejpeg")
STREAM_BYTES = 256 * 1024 * 1024


def machine() -> dict[str, Any]:
    """Processor, memory, load and versions, for every report."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(_memory_bytes() / 2**30, 1),
        "load_1m": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
        "python": platform.python_version(),
        "tusou": __version__,
        "commit": _commit(),
        "libraries": {name: _version(name) for name in LIBRARIES},
    }


def resident_mb() -> float:
    """Memory this process holds in RAM, mapped files included, in MB."""
    return _status("VmRSS") / 1000


def peak_resident_mb() -> float:
    """The most memory this process ever held in RAM, in MB."""
    return _status("VmHWM") / 1000


def family_cpu_seconds() -> float:
    """Processor time of this process and of all living processes it started, theirs included, in seconds."""
    ticks, waiting = 0, [os.getpid()]
    while waiting:
        folder = Path(f"/proc/{waiting.pop()}")
        try:
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            children = [path.read_text(encoding="ascii") for path in folder.glob("task/*/children")]
        except OSError:  # it has just ended
            continue
        ticks += int(fields[11]) + int(fields[12])
        waiting += [int(child) for line in children for child in line.split()]
    return ticks / os.sysconf("SC_CLK_TCK")


def streaming_gb_per_s() -> float:
    """Speed of reading memory from one core: the floor of every scan."""
    data = np.ones(STREAM_BYTES // 8, np.uint64)
    best = min(_seconds(lambda: np.bitwise_or.reduce(data)) for _ in range(5))
    return STREAM_BYTES / best / 1e9


@dataclass(slots=True)
class Timings:
    """Wall and processor time of repeated calls, stage by stage, in milliseconds."""

    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add one call's time to a stage."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall.setdefault(stage, []).append((time.perf_counter() - wall) * 1e3)
        self.cpu.setdefault(stage, []).append((time.process_time() - cpu) * 1e3)

    def summary(self) -> dict[str, dict[str, float]]:
        """Per stage: wall p50, p95, p99 and best, and the processor time's p50."""
        return {stage: self._stage(stage) for stage in self.wall}

    def _stage(self, stage: str) -> dict[str, float]:
        return percentiles(self.wall[stage]) | {"cpu_p50": round(float(np.median(self.cpu[stage])), 3)}


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the best of some measurements, to three decimals."""
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    figures = {"p50": p50, "p95": p95, "p99": p99, "best": min(values)}
    return {name: round(float(value), 3) for name, value in figures.items()}


def _seconds(call: Any) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _status(key: str) -> int:
    """A figure of /proc/self/status, in kB."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    return 0


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """Commit of the checkout this package runs from; empty when it is no checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()
