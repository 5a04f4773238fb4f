"""A pool that outlives its workers: crashes, hangs, memory, noise, the end of its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tusou.errors import DecodeError, TusouError, WorkerError
from tusou.imaging.pool import GuardedPool, Outcome


class Poison:
    """A task whose items say what happens: a number is doubled, a word is a disaster."""

    def __init__(self, log: Path | None = None) -> None:
        self._log = log

    def prepare(self, item: object) -> object:
        if self._log is not None:
            with self._log.open("a") as file:
                file.write(f"{item}\n")
        if isinstance(item, int):
            return item
        return DISASTERS[str(item)]()

    def finish(self, parts: Sequence[object]) -> Sequence[object]:
        if "bad batch" in parts:
            raise ValueError("finish fails")
        if "deadly batch" in parts:
            os.abort()
        return [part * 2 if isinstance(part, int) else part for part in parts]


def _hang() -> object:
    while True:
        time.sleep(60)


def _spin() -> object:
    libc = ctypes.PyDLL(None)  # keeps the interpreter locked, as a decoder in C may
    libc.sleep(600)
    return None


def _refuse() -> object:
    raise DecodeError("no", reason="broken_image")


def _crash() -> object:
    ctypes.string_at(0)
    return None


def _print() -> object:
    os.write(1, b"noise on stdout")
    sys.stdout.write("more noise")
    sys.stdout.flush()
    return "printed"


DISASTERS: dict[str, Callable[[], object]] = {
    "crash": _crash,
    "abort": os.abort,
    "exit": partial(os._exit, 3),
    "hang": _hang,
    "spin": _spin,
    "memory": lambda: bytearray(8 << 30),
    "refuse": _refuse,
    "bug": lambda: 1 // 0,
    "print": _print,
    "pid": lambda: str(os.getpid()),
    "bad batch": lambda: "bad batch",
    "deadly batch": lambda: "deadly batch",
}


@pytest.fixture(scope="module")
def pool() -> Iterator[GuardedPool[object, object]]:
    with GuardedPool[object, object](Poison, workers=2, seconds_per_item=1.0, memory_mb=1500) as shared:
        yield shared


def reasons(outcomes: Sequence[Outcome[object, object]]) -> list[object]:
    return [outcome.error.reason if outcome.error else outcome.result for outcome in outcomes]


def test_results_of_every_item_come_back_once(pool: GuardedPool[object, object]) -> None:
    outcomes = list(pool.map(range(100), chunk_size=7))
    assert sorted(outcome.unwrap() for outcome in outcomes) == [2 * i for i in range(100)]  # type: ignore[type-var]


def test_ordered_map_keeps_the_order(pool: GuardedPool[object, object]) -> None:
    items = [0, "hang", *range(1, 20)]
    assert [outcome.item for outcome in pool.map(items, chunk_size=2, ordered=True)] == items


@pytest.mark.parametrize(
    ("disaster", "reason"),
    [
        ("crash", "worker_crashed"),
        ("abort", "worker_crashed"),
        ("exit", "worker_crashed"),
        ("hang", "too_slow"),
        ("spin", "too_slow"),
        ("memory", "out_of_memory"),
        ("refuse", "broken_image"),
        ("bug", "internal_error"),
        ("bad batch", "internal_error"),
        ("deadly batch", "worker_crashed"),
    ],
)
def test_a_disaster_costs_one_item(pool: GuardedPool[object, object], disaster: str, reason: str) -> None:
    outcomes = pool.submit([1, 2, disaster, 3, 4]).result()
    assert reasons(outcomes) == [2, 4, reason, 6, 8]


def test_several_disasters_in_one_chunk(pool: GuardedPool[object, object]) -> None:
    outcomes = pool.submit(["crash", 1, "refuse", "exit", 2, "deadly batch", 3]).result()
    assert reasons(outcomes) == [
        "worker_crashed", 2, "broken_image", "worker_crashed", 4, "worker_crashed", 6,
    ]  # fmt: skip


def test_no_item_is_tried_more_than_twice(tmp_path: Path) -> None:
    log = tmp_path / "tried"
    items = [1, 2, "crash", 3, "deadly batch", 4, "exit"]
    with GuardedPool[object, object](partial(Poison, log), workers=1) as pool:
        outcomes = pool.submit(items).result()
    assert [outcome.item for outcome in outcomes if outcome.error] == ["crash", "deadly batch", "exit"]
    tried = log.read_text().splitlines()
    assert {str(item): tried.count(str(item)) for item in items if tried.count(str(item)) > 2} == {}
    assert tried.count("crash") == tried.count("exit") == 1


def test_stdout_of_a_worker_reaches_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    with GuardedPool[object, object](Poison, workers=1) as pool:
        assert pool.run("print") == "printed"
    assert capfd.readouterr() == ("", "")


def test_one_shot_raises_what_refuses_the_item(pool: GuardedPool[object, object]) -> None:
    assert pool.run(21) == 42
    with pytest.raises(DecodeError, match="1 s") as caught:
        pool.run("hang")
    assert caught.value.reason == "too_slow"


def test_callers_in_several_threads_get_their_own_answers(pool: GuardedPool[object, object]) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(pool.run, range(40))) == [2 * i for i in range(40)]


def test_workers_are_replaced_after_their_share() -> None:
    with GuardedPool[object, object](Poison, workers=1, items_per_worker=4) as pool:
        pids = [pool.run("pid") for _ in range(8)]
    assert len(set(pids)) == 2


def test_items_are_taken_only_as_they_are_needed(pool: GuardedPool[object, object]) -> None:
    taken: list[int] = []
    outcomes = pool.map((taken.append(i) or i for i in range(10_000)), chunk_size=2)  # type: ignore[func-returns-value]
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert len(taken) <= 20


def test_an_idle_worker_that_dies_is_replaced() -> None:
    with GuardedPool[object, object](Poison, workers=1) as pool:
        os.kill(int(str(pool.run("pid"))), signal.SIGKILL)
        assert pool.run(4) == 8


def make_broken() -> Poison:
    raise TusouError("no model here", reason="bad_bundle")


def make_dead() -> Poison:
    os._exit(7)


def test_a_task_that_cannot_be_built_is_an_error() -> None:
    with (
        GuardedPool[object, object](make_broken, workers=2) as pool,
        pytest.raises(TusouError, match="no model here"),
    ):
        list(pool.map([1, 2, 3]))


def test_workers_that_die_at_start_are_an_error() -> None:
    with (
        GuardedPool[object, object](make_dead, workers=1) as pool,
        pytest.raises(WorkerError, match="exit code 7"),
    ):
        pool.run(1)


def test_closing_ends_workers_and_waiting_chunks() -> None:
    pool = GuardedPool[object, object](Poison, workers=1, seconds_per_item=60)
    pid = pool.run("pid")
    futures = [pool.submit(["hang"]) for _ in range(3)]
    while not futures[0].running():
        time.sleep(0.01)
    pool.close()
    assert isinstance(futures[0].exception(), WorkerError)
    assert all(future.cancelled() for future in futures[1:])
    assert not Path(f"/proc/{pid}").exists()


def test_workers_end_with_a_killed_parent() -> None:
    """A parent ended by kill -9 leaves nothing behind, not even a worker that never looks up."""
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_guarded_pool import Poison\n"
        "from tusou.imaging.pool import GuardedPool\n"
        "if __name__ == '__main__':\n"
        "    pool = GuardedPool(Poison, workers=2, seconds_per_item=60)\n"
        "    pool.submit(['hang'])\n"
        "    print(pool.run('pid'), flush=True)\n"
        "    pool.run('hang')\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()
