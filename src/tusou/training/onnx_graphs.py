"""Put ONNX graphs together and make them smaller."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.compose
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from tusou.errors import TrainingError

IR_VERSION = 8
"""What the oldest ONNX Runtime tusou supports reads."""

HALVED = 4096
"""Numbers from which a weight is stored as float16."""


def chain(first: onnx.ModelProto, second: onnx.ModelProto, joint: str) -> onnx.ModelProto:
    """Feed the one output of the first graph into the input ``joint`` of the second.

    Further inputs of the second graph that the first one has as well become one input.

    Raises:
        TrainingError: The first graph does not have one output, or the second no such input.
    """
    if len(first.graph.output) != 1 or joint not in {each.name for each in second.graph.input}:
        raise TrainingError(f"graphs cannot be chained at {joint!r}", reason="bad_graph")
    first = onnx.compose.add_prefix(first, "front_", rename_inputs=False)
    second = onnx.compose.add_prefix(second, "back_", rename_inputs=False, rename_outputs=False)
    edge = first.graph.output[0].name
    for node in second.graph.node:
        node.input[:] = [edge if name == joint else name for name in node.input]
    known = {each.name for each in first.graph.input}
    graph = helper.make_graph(
        [*first.graph.node, *second.graph.node],
        "tower",
        [*first.graph.input, *(each for each in second.graph.input if each.name not in {*known, joint})],
        list(second.graph.output),
        [*first.graph.initializer, *second.graph.initializer],
    )
    opset = max(
        entry.version for model in (first, second) for entry in model.opset_import if not entry.domain
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model


def simplify(source: Path, target: Path) -> None:
    """Fold constants and paddings with ONNX Runtime and keep standard operators only."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    model = onnx.load(target)
    standard = [entry for entry in model.opset_import if entry.domain == ""]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    onnx.save(model, target)


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store large float32 weights as float16; ONNX Runtime widens them once, when the graph is loaded."""
    casts = []
    for weight in list(model.graph.initializer):
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < HALVED:
            continue
        name = f"{weight.name}_half"
        model.graph.initializer.remove(weight)
        model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), name))
        casts.append(helper.make_node("Cast", [name], [weight.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model
