"""Freed memory stays with the process, so that steps do not fault their pages in again."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.train

PROGRAM = """
import resource, sys
import numpy as np
if sys.argv[1] == "keep":
    from tusou.training.memory import keep_freed_memory
    assert keep_freed_memory()
for _ in range(3):
    np.ones(64_000_000, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(64_000_000, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_a_large_block_is_used_again() -> None:
    kept, given_back = faults("keep"), faults("leave")
    assert kept < given_back / 10
