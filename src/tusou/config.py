"""Settings: one table says name, type, default and help; files, environment and options read it.

Precedence, lowest first: default, ``tusou.toml`` in the library, environment (``TUSOU_…``), command line.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tusou.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing a person may set.

    Attributes:
        name: Key in TOML and, upper-cased behind ``TUSOU_``, in the environment.
        type: ``int``, ``float``, ``str`` or ``bool``.
        default: Value when nothing is said.
        help: One sentence for people.
        low: Smallest allowed number, or None.
        high: Largest allowed number, or None.
    """

    name: str
    type: type
    default: Any
    help: str
    low: float | None = None
    high: float | None = None

    def parse(self, value: Any) -> Any:
        """Turn a raw value into this setting's type.

        Raises:
            ValueError: The value is of another type or out of range.
        """
        if self.type is bool:
            parsed: Any = _parse_bool(value)
        elif isinstance(value, bool):
            raise ValueError(f"expected {self.type.__name__}, got {value!r}")
        else:
            parsed = self.type(value)
        if self.low is not None and parsed < self.low:
            raise ValueError(f"must be at least {self.low}, got {parsed}")
        if self.high is not None and parsed > self.high:
            raise ValueError(f"must be at most {self.high}, got {parsed}")
        return parsed


def _parse_bool(value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    key = str(value).lower()
    if key not in words:
        raise ValueError(f"expected true or false, got {value!r}")
    return words[key]


SETTINGS: tuple[Setting, ...] = (
    Setting("bundle", str, "base", "Bundle of a new library: name, name@version or folder."),
    Setting("models", str, "", "Folder of installed bundles; empty: `tusou/models` in the data folder."),
    Setting("workers", int, 0, "Decode and encode processes; 0 means one per core.", 0, 256),
    Setting("max_pixels", int, 178_000_000, "Largest picture accepted, in pixels.", 1),
    Setting("max_side", int, 30_000, "Longest side accepted, in pixels.", 1),
    Setting("max_file_bytes", int, 256 * 1024 * 1024, "Largest file accepted, in bytes.", 1),
    Setting("max_scans", int, 64, "Most scans in a progressive JPEG.", 1),
    Setting("decode_seconds", float, 20.0, "Longest time one picture may take, in seconds.", 0.1),
    Setting("decode_memory_mb", int, 3000, "Address space of a decode process, in MiB.", 512),
    Setting("batch_size", int, 32, "Images per durable commit.", 1, 4096),
    Setting("batch_seconds", float, 0.5, "Longest wait for a commit to fill, in seconds.", 0.01),
    Setting("recall_depth", int, 1000, "Candidates asked from each retriever.", 10, 100_000),
    Setting("diversity", float, 0.0, "How far answers mix suppliers and creators, 0 to 1.", 0, 1),
    Setting("max_upload_bytes", int, 32 * 1024 * 1024, "Largest query picture, in bytes.", 1024),
    Setting("fetch_seconds", float, 20.0, "Longest download of one URL, in seconds.", 0.1),
    Setting("fetch_redirects", int, 3, "Redirects followed.", 0, 10),
    Setting("feedback", bool, True, "Log searches, and what people do with results, under pseudonyms."),
    Setting("exploration", float, 0.05, "Share of searches that give unseen images a place.", 0, 1),
    Setting(
        "rate_per_minute", int, 600, "API requests of one account in a minute; 0 for no limit.", 0, 100_000
    ),
    Setting("feedback_days", int, 180, "Days the event log keeps a search.", 1, 3650),
)
"""Every setting, in the order docs and ``--help`` show it."""


@dataclass(frozen=True, slots=True)
class Config:
    """Resolved settings; one field per row of SETTINGS."""

    bundle: str
    models: str
    workers: int
    max_pixels: int
    max_side: int
    max_file_bytes: int
    max_scans: int
    decode_seconds: float
    decode_memory_mb: int
    batch_size: int
    batch_seconds: float
    recall_depth: int
    diversity: float
    max_upload_bytes: int
    fetch_seconds: float
    fetch_redirects: int
    feedback: bool
    exploration: float
    rate_per_minute: int
    feedback_days: int

    @property
    def worker_count(self) -> int:
        """Processes to start: the setting, or one per core this process may use."""
        return self.workers or len(os.sched_getaffinity(0))


def load_config(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """Resolve every setting.

    Args:
        path: A TOML file; a missing file counts as empty.
        environment: Variables to read; ``os.environ`` when None.
        overrides: Command-line values by setting name; None values are ignored.

    Raises:
        ConfigError: A file that does not parse, an unknown key or a bad value; all problems are listed.
    """
    environment = os.environ if environment is None else environment
    known = {setting.name: setting for setting in SETTINGS}
    problems: list[str] = []
    values = {setting.name: setting.default for setting in SETTINGS}
    layers = [(str(path), _read_toml(path, problems)), ("environment", _from_environment(environment))]
    layers.append(("option", {key: value for key, value in (overrides or {}).items() if value is not None}))
    for origin, layer in layers:
        for key, raw in layer.items():
            if key not in known:
                problems.append(f"{origin}: unknown setting {key!r}; known: {', '.join(known)}")
                continue
            try:
                values[key] = known[key].parse(raw)
            except (TypeError, ValueError) as error:
                problems.append(f"{origin}: {key}: {error}")
    if problems:
        raise ConfigError("; ".join(problems))
    return Config(**values)


def _read_toml(path: Path | None, problems: list[str]) -> dict[str, Any]:
    if path is None or not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{path}: not valid TOML: {error}")
        return {}


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = {f"TUSOU_{setting.name.upper()}": setting.name for setting in SETTINGS}
    return {names[key]: value for key, value in environment.items() if key in names}
