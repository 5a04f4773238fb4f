"""Write the golden vectors of the reference network, computed in extended precision from seeds.

Run it without options to rewrite tests/data/reference_small.npz and reference_full.json, with ``--check`` to
fail when one differs. tusou.training.reference computes them with 64 bits of mantissa and rounds to float64
last, so that a float64 pass can be held to 1e-12. Any platform may check; writing needs one whose long double
is wider than its double, such as Linux on x86.

The small network (5 and 9 inputs, 7 wide) is kept whole: loss, all gradients, weights after 20 Adam steps. Of
the listing's own sizes (100 and 1000 inputs, 512 wide), whose gradients would take 4 MB each, the file holds
the loss and three numbers per gradient: norm, largest entry and product with a fixed random array.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tusou.training.reference.adam import Adam
from tusou.training.reference.network import ReferenceNetwork
from tusou.training.reference.types import Array, Batch, Parameters

DATA = Path(__file__).parents[1] / "tests" / "data"
SMALL, FULL = DATA / "reference_small.npz", DATA / "reference_full.json"
STEPS = 20
TOLERANCE = 1e-12
"""What a float64 computation may differ from the golden values."""


@dataclass(frozen=True)
class Case:
    """One form of the network with the input it is judged on.

    Attributes:
        name: Names its entries in the files.
        network: Scale, biases and bound.
        parameters: float64 weights; biases are not zero, so that sharing them matters.
        batch: float64 input with all three values of P.
    """

    name: str
    network: ReferenceNetwork
    parameters: Parameters
    batch: Batch

    def cast(self, dtype: npt.DTypeLike) -> Case:
        """The same case in another precision."""
        parameters = {key: each.astype(dtype) for key, each in self.parameters.items()}
        return Case(self.name, self.network, parameters, self.batch.each(lambda array: array.astype(dtype)))


def small_cases() -> list[Case]:
    """The reduced network: every scale and sharing of the bias, with and without weighted rows."""
    return [
        _case(f"{name}-{weighted}", network, rows=6, sizes=(5, 9, 7), weighted=weighted == "weighted")
        for name, network in _networks().items()
        for weighted in ("plain", "weighted")
    ]


def full_cases() -> list[Case]:
    """The listing's sizes with 32 rows."""
    return [
        _case(name, network, rows=32, sizes=(100, 1000, 512), weighted=False)
        for name, network in _networks().items()
    ]


def train(case: Case, optimizer: Adam) -> Parameters:
    """Weights after STEPS steps on the same batch."""
    parameters = case.parameters
    for _ in range(STEPS):
        parameters = optimizer.step(parameters, case.network.gradients(parameters, case.batch)[1])
    return parameters


def summary(name: str, gradient: Array) -> dict[str, float]:
    """Three numbers that no other gradient of this shape is likely to share."""
    probe = np.random.RandomState(len(name)).standard_normal(gradient.shape)
    return {
        "norm": float(np.sqrt((gradient * gradient).sum())),
        "largest": float(abs(gradient).max()),
        "probe": float((gradient * probe).sum()),
    }


def small_values() -> dict[str, npt.NDArray[np.float64]]:
    """Content of reference_small.npz: ``case/loss``, ``case/gradient/name``, ``case/v1|corrected/name``."""
    values: dict[str, Array] = {}
    for case in small_cases():
        exact = case.cast(np.longdouble)
        loss, gradients = exact.network.gradients(exact.parameters, exact.batch)
        values[f"{case.name}/loss"] = np.array(loss)
        groups = {
            "gradient": gradients,
            "v1": train(exact, Adam(corrected=False)),
            "corrected": train(exact, Adam()),
        }
        for group, arrays in groups.items():
            values |= {f"{case.name}/{group}/{name}": array for name, array in arrays.items()}
    return {name: value.astype(np.float64) for name, value in values.items()}


def full_values() -> dict[str, Any]:
    """Content of reference_full.json: loss and summaries per case."""
    values = {}
    for case in full_cases():
        exact = case.cast(np.longdouble)
        loss, gradients = exact.network.gradients(exact.parameters, exact.batch)
        values[case.name] = {"loss": loss} | {name: summary(name, each) for name, each in gradients.items()}
    return values


def load_small() -> dict[str, npt.NDArray[np.float64]]:
    """The committed values of the small network."""
    with np.load(SMALL, allow_pickle=False) as stored:
        return dict(stored)


def load_full() -> dict[str, Any]:
    """The committed summaries of the full network."""
    values: dict[str, Any] = json.loads(FULL.read_text(encoding="utf-8"))
    return values


def _networks() -> dict[str, ReferenceNetwork]:
    return {
        f"scale{scale:.0f}-{'shared' if shared else 'separate'}": ReferenceNetwork(scale, shared)
        for scale in (1.0, 5.0)
        for shared in (True, False)
    }


def _case(
    name: str, network: ReferenceNetwork, *, rows: int, sizes: tuple[int, int, int], weighted: bool
) -> Case:
    query_width, image_width, width = sizes
    random = np.random.RandomState(2017)  # the legacy stream never changes (NEP 19)
    parameters = network.initial(2017, query_width=query_width, image_width=image_width, width=width)
    for bias in sorted(key for key in parameters if key.endswith("bias")):
        parameters[bias] = 0.1 * random.standard_normal(width)
    batch = Batch(
        query=random.standard_normal((rows, query_width)),
        positive=random.standard_normal((rows, image_width)),
        negative=random.standard_normal((rows, image_width)),
        target=np.resize([1.0, 1.0, 0.5, 0.0], rows),
        weight=random.uniform(0.5, 2.0, rows) if weighted else None,
    )
    return Case(name, network, parameters, batch)


def _differences() -> list[str]:
    small, stored = small_values(), load_small()
    full, stored_full = full_values(), load_full()
    names = sorted(set(small) ^ set(stored)) + sorted(set(full) ^ set(stored_full))
    names += [
        name for name in small.keys() & stored.keys() if abs(small[name] - stored[name]).max() > TOLERANCE
    ]
    return names + [name for name in full.keys() & stored_full.keys() if _far(full[name], stored_full[name])]


def _far(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return left.keys() != right.keys() or any(_far(left[key], right[key]) for key in left)
    return bool(abs(left - right) > TOLERANCE * max(1, abs(left)))


def main() -> int:
    """Write or check the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what differs")
    if parser.parse_args().check:
        stale = _differences()
        print("\n".join(f"differs: {name}" for name in stale) or "fresh")
        return 1 if stale else 0
    if np.finfo(np.longdouble).nmant <= np.finfo(np.float64).nmant:
        print("long double is no wider than double here: write the files on Linux/x86", file=sys.stderr)
        return 1
    np.savez_compressed(SMALL, allow_pickle=False, **small_values())
    FULL.write_text(json.dumps(full_values(), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
