"""Configurations: all that are shipped parse; every mistake is named with its key and what is allowed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tusou.errors import ConfigError
from tusou.training.config import RunConfig, load_run_config, parse_run_config

CONFIGS = sorted(
    path
    for path in (Path(__file__).parents[2] / "configs").rglob("*.toml")
    if not path.name.startswith("ranker")  # of `tusou train ranker`, see tests/cli/test_cli_rankers.py
)


def table(**changes: Any) -> dict[str, Any]:
    """The smallest configuration, with ``section__key`` changed."""
    smallest: dict[str, Any] = {
        "name": "small",
        "data": {"source": "flickr8k"},
        "image": {"tower": "resnet50"},
        "text": {"tower": "gru"},
        "objective": {"type": "info_nce"},
    }
    for key, value in changes.items():
        section, _, name = key.partition("__")
        if name:
            smallest.setdefault(section, {})[name] = value
        else:
            smallest[section] = value
    return smallest


def refusal(**changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_run_config(table(**changes), "run.toml")
    return str(caught.value)


def test_every_shipped_configuration_parses() -> None:
    assert len(CONFIGS) >= 2
    names = [load_run_config(path).name for path in CONFIGS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_opens_with_its_command(path: Path) -> None:
    assert path.read_text("utf-8").splitlines()[0].startswith(f"# tusou train configs/{path.name}")


def test_the_smallest_configuration_takes_all_defaults() -> None:
    config = parse_run_config(table(), "run.toml")
    assert config == parse_run_config(config.model_dump(mode="json", exclude_none=True), "again")
    assert (config.scorer.dim, config.optimizer.lr, config.training.batch_size) == (256, 1e-3, 256)


def test_toml_lists_and_texts_become_tuples_and_paths(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        'name = "中文-run"\n'.replace("中文", "zh")
        + '[data]\nsource = "图片"\nlanguages = ["en", "zh"]\n[image]\ntower = "resnet50"\ntrain = 2\n'
        '[text]\ntower = "gru"\nvectors = ["a.vec"]\n[objective]\ntype = "bce"\n[optimizer]\nlr = 1\n',
        encoding="utf-8",
    )
    config = load_run_config(path)
    assert (config.data.source, config.data.languages) == (Path("图片"), ("en", "zh"))
    assert (config.image.train, config.text and config.text.vectors) == (2, (Path("a.vec"),))
    assert config.optimizer.lr == 1.0


@pytest.mark.parametrize("section", sorted(RunConfig.model_fields.keys() - {"name", "seed", "start_from"}))
def test_unknown_keys_are_named_with_the_known_ones(section: str) -> None:
    message = refusal(**{f"{section}__nonsense": 1})
    known = re.search(rf"run\.toml: .*\b{section}\.nonsense: unknown key; known here: ([a-z_, ]+)", message)
    assert known, message
    kinds = [RunConfig.model_fields[section].annotation]
    kinds += list(getattr(kinds[0], "__args__", ()))
    model: Any = next(each for each in kinds if hasattr(each, "model_fields"))
    assert known[1].split(", ") == sorted(model.model_fields)


def test_unknown_sections_are_named_with_the_known_ones() -> None:
    message = refusal(optimiser={"lr": 1})
    assert "optimiser: unknown key; known here: bundle, data, image" in message
    assert "optimizer" in message


def test_unknown_keys_within_lists_are_named() -> None:
    message = refusal(bundle__sources=[{"name": "a", "license": "MIT", "use": "weights", "page": "b"}])
    assert "bundle.sources.0.page: unknown key; known here: " in message


@pytest.mark.parametrize("key", ["name", "data", "image", "objective", "data__source", "objective__type"])
def test_missing_keys_are_named(key: str) -> None:
    wanted = table()
    section, _, name = key.partition("__")
    del (wanted[section] if name else wanted)[name or section]
    with pytest.raises(ConfigError, match=rf"run\.toml: {key.replace('__', '.')}: missing"):
        parse_run_config(wanted, "run.toml")


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("data__languages", "'zh' or 'en'"),
        ("image__augment", "'none', 'photo' or 'digits'"),
        ("scorer__type", "'embedding', 'concatenation' or 'classes'"),
        ("scorer__head", "'linear', 'tanh', 'mlp' or 'residual'"),
        ("scorer__negative_bias", "'shared' or 'separate'"),
        ("scorer__start", "'random' or 'cca'"),
        ("objective__type", "'bce', 'softmax', 'listwise', 'ranknet', 'triplet', 'max_hinge', 'info_nce'"),
        ("objective__negatives", "'in_batch', 'random', 'hard' or 'shown'"),
        ("objective__reduction", "'mean' or 'sum'"),
        ("optimizer__type", "'adam', 'adamw' or 'sgd'"),
        ("optimizer__schedule", "'constant' or 'cosine'"),
    ],
)
def test_wrong_choices_are_answered_with_the_allowed_ones(key: str, allowed: str) -> None:
    value = ["klingon"] if key == "data__languages" else "klingon"
    message = refusal(**{key: value})
    assert key.replace("__", ".") in message
    assert allowed in message
    assert "found 'klingon'" in message


def test_stages_are_all_none_or_a_number() -> None:
    message = refusal(image__train="some")
    assert "image.train: Input should be 'all' or 'none', found 'some'" in message
    assert "image.train: Input should be a valid integer, found 'some'" in message
    assert "literal" not in message
    for wrong in (True, -1, 1.5):
        assert f"image.train: Input should be 'all' or 'none', found {wrong}" in refusal(image__train=wrong)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("data__dev_share", 1.0, "less than 1"),
        ("image__views", 0, "greater than or equal to 1"),
        ("text__max_tokens", 2000, "less than or equal to 1024"),
        ("scorer__dim", 1, "greater than or equal to 2"),
        ("scorer__scale", 0.0, "greater than 0"),
        ("scorer__scale", 101, "less than or equal to 100"),
        ("objective__list_size", 1, "greater than or equal to 2"),
        ("objective__margin", -0.1, "greater than 0"),
        ("optimizer__lr", 0.0, "greater than 0"),
        ("optimizer__lr", float("nan"), "finite number"),
        ("optimizer__lr", float("inf"), "finite number"),
        ("optimizer__average", 1.0, "less than 1"),
        ("training__epochs", -1, "greater than or equal to 0"),
        ("training__batch_size", 1, "greater than or equal to 2"),
        ("seed", -1, "greater than or equal to 0"),
        ("name", "../up", "match pattern"),
    ],
)
def test_values_out_of_range_are_answered_with_the_range(key: str, value: Any, why: str) -> None:
    message = refusal(**{key: value})
    assert key.replace("__", ".") in message
    assert why in message
    assert f"found {value!r}" in message


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("optimizer__lr", "1e-3", "valid number"),
        ("optimizer__lr", True, "valid number"),
        ("training__epochs", "10", "valid integer"),
        ("training__epochs", 2.5, "valid integer"),
        ("training__epochs", True, "valid integer"),
        ("objective__symmetric", 1, "valid boolean"),
        ("objective__symmetric", "yes", "valid boolean"),
        ("optimizer__betas", [0.9], "betas.1: missing"),
        ("optimizer__betas", 0.9, "valid array"),
        ("image__tower", 5, "valid string"),
        ("data__source", 5, "valid string"),
        ("image", "resnet50", "object"),
    ],
)
def test_wrong_types_are_refused_not_guessed(key: str, value: Any, why: str) -> None:
    """Text was once taken for a number and true for 1."""
    message = refusal(**{key: value})
    assert key.replace("__", ".") in message
    assert why in message


def test_every_problem_is_listed_at_once() -> None:
    message = refusal(optimizer__lr=-1, training__epochs="many", scorer__hidden=0)
    assert [message.count(key) for key in ("optimizer.lr", "training.epochs", "scorer.hidden")] == [1, 1, 1]
    assert message.startswith("run.toml: ")


def test_parts_that_do_not_fit_are_refused_with_the_reason() -> None:
    assert "text: missing; queries need a text tower" in refusal(text=None)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"name = ", "not valid TOML"), (b"\xff\xfe", "not valid TOML"), (None, "cannot be read")],
)
def test_files_that_are_no_configuration(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "run.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"{re.escape(str(path))}.*{why}"):
        load_run_config(path)


def test_dates_are_no_numbers(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('name = "a"\nseed = 2026-01-01\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"seed: .*valid integer"):
        load_run_config(path)


def test_the_guide_explains_every_key_as_it_is() -> None:
    script = Path(__file__).parents[2] / "scripts" / "generate_training_keys.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False)
    assert done.returncode == 0, f"run {script.name}"


def test_the_guides_configuration_parses() -> None:
    guide = Path(__file__).parents[2] / "docs" / "guides" / "training.md"
    whole, sweep = re.findall(r"```toml\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
    config = parse_run_config(tomllib.loads(whole + sweep), "guide")
    assert config.sweep is not None
    assert set(config.sweep.values) == {"optimizer.lr", "scorer.dropout"}


def test_an_unknown_tower_is_named_with_every_other_problem() -> None:
    message = refusal(image__tower="resnet51", text__tower="lstmm", training__epochs=-1)
    assert "image.tower: Value error, no such tower; there are lenet5, " in message
    assert "did you mean 'resnet50'" in message
    assert "did you mean 'lstm'" in message
    assert "training.epochs" in message
