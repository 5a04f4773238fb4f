"""Turn a hub's graph into a bundle's tower: one embedding cut out, a bundle's names, unit length."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tusou.errors import BundleError
from tusou.models.hub.entry import HubTower

if TYPE_CHECKING:
    import onnx

_PREFIX = "hub_"
_OUTPUT = "embedding"


def convert_tower(source: Path, tower: HubTower, target: Path) -> None:
    """Write a bundle's tower.

    What leads from the named inputs to the named output is kept, also of a graph that holds both towers. Each
    of a bundle's inputs is cast to the type the graph wants, and the output becomes float32 of unit length
    (which changes nothing where the graph saw to that itself).

    Args:
        source: The hub's graph; weights kept outside of it lie beside it.
        tower: Names in it.
        target: File to write, with all weights inside.

    Raises:
        BundleError: The extra ``hub`` is missing, the file is no ONNX graph, or it has other names.
    """
    onnx = _onnx()
    with _explained(source):
        model = onnx.load(source)
    _check_opset(source, model)
    _check_names(source, model.graph, tower)
    with _explained(source):
        cut = onnx.utils.Extractor(model).extract_model(list(tower.inputs.values()), [tower.output])
        del model  # gigabytes
        _adapt(cut, tower)
        onnx.save(cut, target)
        del cut
        onnx.checker.check_model(str(target))


@contextmanager
def _explained(source: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # onnx and protobuf raise kinds of their own that share no other base
        raise BundleError(f"{source} cannot become a tower: {error}", reason="bundle_tower") from error


def _onnx() -> Any:
    try:
        import onnx
        import onnx.compose
        import onnx.utils
    except ImportError as error:
        raise BundleError(
            "converting a hub's graphs needs onnx; install it with pip install 'tusou[hub]'",
            reason="missing_extra",
        ) from error
    return onnx


def _check_opset(source: Path, model: onnx.ModelProto) -> None:
    from onnx.defs import onnx_opset_version

    found = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
    if found > onnx_opset_version():
        raise BundleError(
            f"{source}: expected opset {onnx_opset_version()} at most, found {found}; update onnx and "
            "onnxruntime",
            reason="bundle_tower",
        )


def _check_names(source: Path, graph: onnx.GraphProto, tower: HubTower) -> None:
    inputs, outputs = [entry.name for entry in graph.input], [entry.name for entry in graph.output]
    if not set(tower.inputs.values()) <= set(inputs) or tower.output not in outputs:
        raise BundleError(
            f"{source}: expected inputs {', '.join(tower.inputs.values())} and output {tower.output}, found "
            f"inputs {', '.join(inputs)} and outputs {', '.join(outputs)}; the hub holds another export than "
            "tusou knows",
            reason="bundle_tower",
        )


def _adapt(model: onnx.ModelProto, tower: HubTower) -> None:
    """Put a bundle's inputs in front and the normalisation behind, in place: weights may fill gigabytes."""
    import onnx.compose
    from onnx import TensorProto, helper

    onnx.compose.add_prefix(model, _PREFIX, inplace=True)
    graph, last = model.graph, _PREFIX + tower.output
    theirs = {entry.name: entry.type.tensor_type for entry in graph.input}
    inputs, casts = [], []
    for ours, name in tower.inputs.items():
        kind = TensorProto.FLOAT if ours == "pixels" else TensorProto.INT64
        wanted = theirs[_PREFIX + name]
        inputs.append(helper.make_tensor_value_info(ours, kind, _shape(wanted)))
        casts.append(helper.make_node("Cast", [ours], [_PREFIX + name], to=wanted.elem_type))
    unit = [
        helper.make_node("Cast", [last], ["float_embedding"], to=TensorProto.FLOAT),
        helper.make_node("LpNormalization", ["float_embedding"], [_OUTPUT], axis=1, p=2),
    ]
    shape = _shape(graph.output[0].type.tensor_type)
    output = helper.make_tensor_value_info(_OUTPUT, TensorProto.FLOAT, shape or None)
    nodes = [*casts, *graph.node, *unit]
    for old, new in ((graph.node, nodes), (graph.input, inputs), (graph.output, [output])):
        del old[:]
        old.extend(new)


def _shape(tensor: onnx.TypeProto.Tensor) -> list[int | str | None]:
    return [size.dim_value or size.dim_param or None for size in tensor.shape.dim]
