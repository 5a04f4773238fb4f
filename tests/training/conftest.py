"""Tests of training need the train extra; without it, only those of readers and configurations run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

WITHOUT_TORCH = {"data", "conftest.py", "test_run_config.py", "test_combinations.py"}

_others = [path.name for path in Path(__file__).parent.iterdir() if path.name not in WITHOUT_TORCH]
collect_ignore = [] if find_spec("torch") else _others
