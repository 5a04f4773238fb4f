"""Settings resolve in order and report every problem at once."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tusou.config import SETTINGS, Config, load_config
from tusou.errors import ConfigError


def test_defaults_are_those_of_the_table() -> None:
    config = load_config(environment={})
    assert {setting.name: getattr(config, setting.name) for setting in SETTINGS} == {
        setting.name: setting.default for setting in SETTINGS
    }


def test_every_row_is_a_field_and_accepts_its_own_default() -> None:
    assert [setting.name for setting in SETTINGS] == [field.name for field in fields(Config)]
    assert all(setting.parse(setting.default) == setting.default for setting in SETTINGS)


def test_file_environment_and_option_override_in_that_order(tmp_path: Path) -> None:
    path = tmp_path / "tusou.toml"
    path.write_text("workers = 3\nbatch_size = 8\nrecall_depth = 50\n")
    config = load_config(
        path, {"TUSOU_BATCH_SIZE": "16", "TUSOU_RECALL_DEPTH": "60", "HOME": "/"}, {"recall_depth": 70}
    )
    assert (config.workers, config.batch_size, config.recall_depth) == (3, 16, 70)


def test_an_option_left_out_overrides_nothing() -> None:
    assert load_config(environment={}, overrides={"workers": None}).workers == 0


def test_every_problem_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "tusou.toml"
    path.write_text("wrokers = 3\nbatch_size = 0\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, {"TUSOU_MAX_SIDE": "wide"})
    message = str(caught.value)
    assert "wrokers" in message
    assert "batch_size: must be at least 1" in message
    assert "max_side" in message


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tusou.toml"
    path.write_text("workers = = 3")
    with pytest.raises(ConfigError, match=r"tusou\.toml: not valid TOML"):
        load_config(path, {})


def test_a_truth_value_is_no_number() -> None:
    with pytest.raises(ConfigError, match="workers"):
        load_config(environment={}, overrides={"workers": True})


def test_zero_workers_means_one_per_core() -> None:
    assert load_config(environment={}).worker_count >= 1
    assert load_config(environment={}, overrides={"workers": 5}).worker_count == 5
