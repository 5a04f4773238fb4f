"""The parent's side of one worker process: start it, hand it work, watch it, say how it was lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from typing import Any

from tusou.errors import DecodeError, TusouError, WorkerError
from tusou.imaging import worker
from tusou.imaging.worker import Task

_START_SECONDS = 120.0
_PRELOADED = ["tusou.imaging.analyze", "tusou.imaging.worker"]
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Keep freed picture buffers instead of returning and faulting them in again: 2 to 6 ms less a picture.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
}
"""Environment variables of the process that workers are forked from."""
_context = multiprocessing.get_context("forkserver")
_server_lock = threading.Lock()


def start_server(make_task: Callable[[], Task]) -> None:
    """Start the process that workers are forked from, unless it runs, with what they need imported.

    The task's own module is imported too if it is one of tusou's: that takes half a second off each worker's
    start. It must not start threads on import, as ONNX Runtime does, since a fork would lose them.
    """
    home = getattr(make_task, "__module__", "")
    modules = [*_PRELOADED, home] if home.startswith("tusou.") else _PRELOADED
    with _server_lock:
        before = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
        os.environ.update(WORKER_ENVIRONMENT)
        try:
            _context.set_forkserver_preload(modules)
            forkserver.ensure_running()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What every worker of a pool is started with; see GuardedPool."""

    make_task: Callable[[], Task]
    seconds_per_item: float
    memory_mb: int
    items_per_worker: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A worker was lost.

    Attributes:
        position: Item of the chunk it was busy with; None while it had the chunk as a whole in hand.
        untouched: It died before it began with the chunk.
        error: What to say of the item.
    """

    position: int | None
    untouched: bool
    error: TusouError


class WorkerProcess:
    """One child process and the pipe to it."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._connection, theirs = _context.Pipe()
        arguments = (theirs, settings.make_task, settings.seconds_per_item, settings.memory_mb)
        self._process = _context.Process(target=worker.serve, args=arguments, daemon=True)
        try:
            self._process.start()
        except OSError as error:
            raise WorkerError(f"a worker process could not be started: {error}") from error
        finally:
            theirs.close()
        self._ready = False
        self.served = 0

    def run(self, items: Sequence[Any]) -> tuple[list[Any], bool] | Failure:
        """Hand over one chunk and watch it.

        Returns:
            One result or error per item and whether to replace the worker; or how it was lost.

        Raises:
            WorkerError: The process cannot start.
            TusouError: The task cannot be built.
        """
        self._wait_until_ready()
        with suppress(BrokenPipeError, ConnectionResetError):  # seen below as the end of the pipe
            self._connection.send(items)
        self.served += len(items)
        position: int | None = None
        untouched = True
        seconds = self._settings.seconds_per_item
        while True:
            message = self._receive(seconds)
            if message is None:
                return Failure(position, untouched, self._post_mortem())
            untouched = False
            kind, payload = message
            if kind == worker.DONE:
                done: tuple[list[Any], bool] = payload
                return done
            position = payload if kind == worker.STARTED else None
            seconds = self._settings.seconds_per_item * (1 if kind == worker.STARTED else len(items))

    def interrupt(self) -> None:
        """Kill the process; whoever waits for its answer sees it end."""
        if self._process.is_alive():  # an ended process's number may belong to somebody else by now
            self._process.kill()

    def end(self) -> None:
        """Kill the process, wait for its end and close the pipe."""
        self.interrupt()
        self._process.join()
        self._connection.close()

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        message = self._receive(_START_SECONDS)
        if message is None:
            raise WorkerError(f"a worker process could not start ({_how(self._exit_code())})")
        if message[0] == worker.FAILED:
            raise message[1]
        self._ready = True

    def _receive(self, seconds: float) -> tuple[int, Any] | None:
        """The next message; None when the worker stays silent for too long or is gone."""
        try:
            if self._connection.poll(seconds):
                message: tuple[int, Any] = self._connection.recv()
                return message
        except (EOFError, OSError):
            pass
        return None

    def _post_mortem(self) -> TusouError:
        """Say why the worker was lost, as what is wrong with the image it had in hand."""
        code = self._exit_code()
        if code is None or code == -signal.SIGXCPU:
            limit = self._settings.seconds_per_item
            message = f"this image took longer than {limit:g} s (setting decode_seconds)"
            return DecodeError(message, reason="too_slow")
        return DecodeError(f"the decoder crashed on this image ({_how(code)})", reason="worker_crashed")

    def _exit_code(self) -> int | None:
        """The process's exit code, minus the signal that killed it; None while it runs."""
        self._process.join(0.5)
        return self._process.exitcode


def _how(code: int | None) -> str:
    if code is None:
        return f"no sign of life after {_START_SECONDS:g} s"
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
