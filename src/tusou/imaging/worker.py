"""The child's side of GuardedPool: confine this process, build the task once, serve chunks of items.

Messages to the parent are (kind, payload) pairs: READY, FAILED (an error; the task cannot be built),
STARTED (position in the chunk), FINISHING, DONE (one result or error per item, and whether this process
should be replaced). The parent blames a crash, a hang or a kill on the item that was STARTED last.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

import cv2
from PIL import AvifImagePlugin

from tusou.errors import DecodeError, TusouError

READY, FAILED, STARTED, FINISHING, DONE = range(5)
_OPEN_FILES = 256


class Task(Protocol):
    """What a worker does with items. Built once in each worker; may hold models."""

    def prepare(self, item: Any) -> Any:
        """Do what is particular to one item; a TusouError refuses the item and nothing else."""
        ...

    def finish(self, parts: Sequence[Any]) -> Sequence[Any]:
        """Turn what prepare made of a chunk's good items into results, in the same order."""
        ...


def serve(
    connection: Connection, make_task: Callable[[], Task], seconds_per_item: float, memory_mb: int
) -> None:
    """Run in the child until the parent closes the connection."""
    _confine(memory_mb)
    try:
        task = make_task()
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to hear of it
        connection.send((FAILED, _as_tusou_error(error)))
        return
    connection.send((READY, None))
    while True:
        try:
            items = connection.recv()
        except EOFError:
            return
        connection.send((DONE, _run_chunk(connection, task, items, seconds_per_item)))


def _run_chunk(
    connection: Connection, task: Task, items: Sequence[Any], seconds_per_item: float
) -> tuple[list[Any], bool]:
    """One result or error per item, and whether memory ran out on the way."""
    results: list[Any] = [None] * len(items)
    parts: dict[int, Any] = {}
    for position, item in enumerate(items):
        connection.send((STARTED, position))
        _allow_cpu(seconds_per_item)
        try:
            parts[position] = task.prepare(item)
        except Exception as error:  # noqa: BLE001 - one item's failure is reported, not raised
            results[position] = _as_tusou_error(error)
    connection.send((FINISHING, None))
    _allow_cpu(seconds_per_item * max(1, len(parts)))
    for position, result in zip(parts, _finish(task, list(parts.values())), strict=True):
        results[position] = result
    tired = any(isinstance(result, TusouError) and result.reason == "out_of_memory" for result in results)
    return results, tired


def _finish(task: Task, parts: list[Any]) -> list[Any]:
    """Finish all parts together; if that fails, each alone, so that one bad part costs one item."""
    if not parts:
        return []
    try:
        return list(task.finish(parts))
    except Exception as error:  # noqa: BLE001 - as in _run_chunk
        if len(parts) == 1:
            return [_as_tusou_error(error)]
    return [_finish(task, [part])[0] for part in parts]


def _as_tusou_error(error: Exception) -> TusouError:
    if isinstance(error, TusouError):
        return error
    if isinstance(error, MemoryError):
        message = "processing this image needs more memory than allowed (setting decode_memory_mb)"
        return DecodeError(message, reason="out_of_memory")
    trace = "".join(traceback.format_exception(error, limit=-6))
    return TusouError(f"unexpected error in a worker, please report it:\n{trace}", reason="internal_error")


def _confine(memory_mb: int) -> None:
    """Limit what this process can take and make it silent, single-threaded and mortal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    for descriptor in (0, 1, 2):  # decoders print; the parent's stdout carries answers
        os.dup2(silence, descriptor)
    _limit(resource.RLIMIT_AS, memory_mb * 1024 * 1024)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_CORE, 0)
    cv2.setNumThreads(1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _limit(kind: int, value: int) -> None:
    """Lower a limit for good; one that is lower already stays."""
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY or hard > value:
        resource.setrlimit(kind, (value, value))


def _allow_cpu(seconds: float) -> None:
    """Let the kernel end this process if it burns twice its time with nobody left to watch it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(usage.ru_utime + usage.ru_stime + 2 * seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


def _die_with_parent() -> None:
    """End at once when the parent is gone, kill -9 included."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGKILL)
