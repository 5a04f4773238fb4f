"""kill -9 while people search and click: acknowledged events are all there, and little else is missing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from feedback_builders import logged

PROGRAM = """
import itertools, sys, time
from pathlib import Path
from feedback_builders import event, query
from tusou.feedback.log import EventLog

def now():
    return time.time_ns() // 1_000_000

log = EventLog(Path(sys.argv[1]))
for i in itertools.count(int(sys.argv[2])):
    log.query(query(f"q{i}", timestamp=now()))
    print("query", i, flush=True)
    if i % 10 == 0:
        log.events([event(f"e{i}", query_id=f"q{i}", timestamp=now())]).result()
        print("event", i, flush=True)
    time.sleep(0.0005)
"""
KILLS = 12


@pytest.mark.slow
def test_kill_minus_nine_loses_no_acknowledged_event_and_a_moment_of_queries(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite"
    chance = random.Random(4)
    acknowledged: set[str] = set()
    sent: set[str] = set()
    for turn in range(KILLS):
        command = [sys.executable, "-c", PROGRAM, str(path), str(turn * 1_000_000)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            time.sleep(chance.uniform(0.05, 0.7))
            process.kill()
            lines = [first, *process.stdout.read().splitlines()]
        for line in lines[:-1]:  # the last one may be torn
            kind, number = line.split()
            sent.add(f"q{number}")
            if kind == "event":
                acknowledged.add(f"q{number}")
    queries, events = logged(path)  # opens without help
    assert len(acknowledged) > KILLS
    assert acknowledged - {event.query_id for event in events} == set()
    lost = sent - {query.query_id for query in queries}
    # What is lost lies between the last acknowledgement, which flushed the queue, and the kill.
    for turn in range(KILLS):
        flushed = max((int(n[1:]) for n in acknowledged if int(n[1:]) // 1_000_000 == turn), default=-1)
        assert [name for name in lost if turn * 1_000_000 <= int(name[1:]) <= flushed] == []
