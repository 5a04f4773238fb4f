"""The HTTP reference is written from the OpenAPI document and fresh."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_http_reference_is_fresh() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "generate_http_reference.py"))
    assert script["PAGE"].read_text("utf-8") == script["page"](), "run scripts/generate_http_reference.py"
