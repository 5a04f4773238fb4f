"""The HTTP reference is written from the OpenAPI document and fresh."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_http_reference_is_fresh() -> None:
    script = ROOT / "scripts" / "generate_http_reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\nrun scripts/{script.name}"
