"""Two processes of torchrun on gloo compute what one process computes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import distributed_program
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_builders import digits_table, shapes_table, write_digits, write_shapes

from tusou.training.distributed import Processes

pytestmark = pytest.mark.train

LISTS = {"negatives": "random", "list_size": 3, "symmetric": False, "type": "ranknet"}


def tables(folder: Path) -> list[dict[str, Any]]:
    """Grid and lists, both scorers, learnt scale, LSTM, a last batch of one query, classes."""
    shapes = write_shapes(folder / "data", 2)
    digits = write_digits(folder / "digits.npz", 61, 20)
    lstm = {"tower": "lstm", "options": {"hidden": 8}}
    frozen = {"train": 1}
    training = {"batch_size": 23, "epochs": 2}  # 48 queries: 23, 23, 2; as lists 47 + 1
    joined = {"type": "concatenation", "hidden": 8, "learn_scale": True}
    made = [
        shapes_table(shapes, image=frozen, text=lstm, training=training),
        shapes_table(shapes, scorer=joined, training=training),
        shapes_table(shapes, image=frozen, scorer=joined, objective=LISTS, training=training),
        shapes_table(
            shapes, image=frozen, text=lstm, objective=LISTS, training=training | {"batch_size": 47}
        ),
        digits_table(digits, training=training | {"batch_size": 30}),
    ]
    # not Adam: it makes whole steps of rounding errors where a gradient is nothing
    return [table | {"optimizer": {"type": "sgd", "lr": 0.02}} for table in made]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed")
    path = folder / "tables.json"
    path.write_text(json.dumps(tables(folder)), encoding="utf-8")
    distributed_program.main(path, folder)
    program = distributed_program.__file__
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        program,
    ]
    search = os.pathsep.join([str(Path(program).parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": search, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(path), str(folder)], env=environment, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("number", range(5))
def test_gradients_are_those_of_the_whole_batch(output: Path, number: int) -> None:
    alone = sorted(path.name for path in output.glob(f"{number}-[0-9]-0of1"))
    assert len(alone) == 2
    for name in alone:
        whole = load_file(output / name)
        for rank in (0, 1):
            found = load_file(output / name.replace("0of1", f"{rank}of2"))
            assert found.keys() >= whole.keys()
            for key, gradient in whole.items():
                torch.testing.assert_close(found[key], gradient, rtol=1e-4, atol=1e-6, msg=f"{name} {key}")


@pytest.mark.parametrize("number", range(5))
def test_a_run_ends_with_the_same_weights(output: Path, number: int) -> None:
    whole = load_file(output / f"{number}-weights-0of1")
    first, second = (load_file(output / f"{number}-weights-{rank}of2") for rank in (0, 1))
    for name, weight in whole.items():
        torch.testing.assert_close(first[name], weight, rtol=1e-3, atol=2e-4, msg=name)
        assert torch.equal(first[name], second[name]), name


def test_only_the_leading_process_writes(output: Path) -> None:
    written = {path.name for path in (output / "run-0-0of2").iterdir()}
    assert written == {"checkpoint.safetensors", "history.csv", "curves.png", "tensorboard"}
    assert list((output / "run-0-1of2").iterdir()) == []


def test_shares_are_even_and_whole() -> None:
    for total in range(8):
        parts = [np.arange(total)[Processes(rank, 3).share(total)] for rank in range(3)]
        assert np.concatenate(parts).tolist() == list(range(total))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        if total:
            assert all(len(Processes(rank, 3).own(np.arange(total))) >= 1 for rank in range(3))


def test_a_process_of_its_own_needs_no_others() -> None:
    rows = torch.ones(3, 2, requires_grad=True)
    alone = Processes()
    assert alone.leads
    assert alone.gather(rows, 3) is rows
    alone.wait()


def test_a_cache_that_fails_ends_every_process(tmp_path: Path) -> None:
    """The leading process fails while the other waits for it: neither may hang."""
    shapes = write_shapes(tmp_path / "data", 2)
    (tmp_path / "cache").write_bytes(b"a file where the folder of caches should be")
    path = tmp_path / "tables.json"
    path.write_text(json.dumps([shapes_table(shapes, image={"train": 1})]), encoding="utf-8")
    program = distributed_program.__file__
    search = os.pathsep.join([str(Path(program).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", program,
         str(path), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": search, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Error" in done.stderr
