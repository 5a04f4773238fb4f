"""What holds for every test: chance stays out of answers, unless a test lets it in."""

from __future__ import annotations

import os

os.environ.setdefault("TUSOU_EXPLORATION", "0")
