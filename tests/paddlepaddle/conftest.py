"""These tests run in an environment with PaddlePaddle (``make test-paddle``); elsewhere none is collected."""

from __future__ import annotations

import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "paddlepaddle"

collect_ignore_glob = [] if find_spec("paddle") else ["test_*.py"]
if not collect_ignore_glob:
    sys.path.insert(0, str(EXAMPLE))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a C++ compiler cache as it is imported
        import paddle  # type: ignore[import-not-found]  # noqa: F401
