"""Export a tower as the exporter does and run the graph on inputs of another size than the traced ones."""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import Tensor, nn


def run_exported(
    tower: nn.Module, traced: dict[str, Tensor], given: dict[str, Tensor]
) -> npt.NDArray[np.float32]:
    """Trace with one set of inputs, run with another; batch and tokens are dynamic."""
    axes = {
        name: {0: "batch", 1: "tokens"} if value.dtype == torch.int64 else {0: "batch"}
        for name, value in traced.items()
    }
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        graph = Path(folder, "tower.onnx")
        warnings.simplefilter("ignore")  # the tracer warns of checks that a fixed input size makes harmless
        torch.onnx.export(
            tower.eval(),
            tuple(traced.values()),
            graph,
            dynamo=False,
            opset_version=17,
            input_names=list(traced),
            output_names=["features"],
            dynamic_axes=axes | {"features": {0: "batch"}},
        )
        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    output: npt.NDArray[np.float32] = session.run(
        None, {name: value.numpy() for name, value in given.items()}
    )[0]
    return output
