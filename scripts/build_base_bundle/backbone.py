"""EfficientNet-Lite to ONNX: a picture to the pooled maps the image head reads (needs the train extra).

The network's classifier is left out. What remains gives the mean of the last feature map (1,280 numbers, what
the classifier reads) and the means of the map behind each of the seven stages: early stages know colour and
texture, which a classifier learns to forget and a searcher asks for.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
import torch
from efficientnet_lite_pytorch import EfficientNet


class Pooled(torch.nn.Module):
    """Pixels to [mean of the last map, means of the stages], all from one pass."""

    def __init__(self, network: EfficientNet) -> None:
        super().__init__()
        self.network = network
        self.ends = stage_ends(network)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """(batch, 3, size, size) to (batch, 1280 + sum of stage widths)."""
        network = self.network
        state = network._swish(network._bn0(network._conv_stem(pixels)))
        means = []
        for i, block in enumerate(network._blocks):
            state = block(state)
            if i in self.ends:
                means.append(state.mean((2, 3)))
        last = network._swish(network._bn1(network._conv_head(state)))
        return torch.cat([last.mean((2, 3)), *means], dim=1)


def stage_ends(network: EfficientNet) -> list[int]:
    """Positions of the blocks after which the width changes, the last one included."""
    widths = [block._project_conv.out_channels for block in network._blocks]
    return [i for i in range(len(widths)) if i + 1 == len(widths) or widths[i + 1] != widths[i]]


def export_backbone(weights: Path, variant: str, size: int, output: Path) -> None:
    """Write ``backbone.onnx`` (float32, padding folded into the convolutions) and ``classifier.npz``.

    Args:
        weights: The ``.pth`` file of the variant.
        variant: ``lite0`` to ``lite4``.
        size: Side of the input, pixels.
        output: Folder, made if missing.
    """
    output.mkdir(parents=True, exist_ok=True)
    network = EfficientNet.from_pretrained(
        f"efficientnet-{variant}", weights_path=str(weights), image_size=size
    ).eval()
    with TemporaryDirectory() as folder:
        raw = Path(folder, "raw.onnx")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                Pooled(network).eval(),
                (torch.zeros(1, 3, size, size),),
                str(raw),
                dynamo=False,
                opset_version=17,
                input_names=["pixels"],
                output_names=["pooled"],
                dynamic_axes={"pixels": {0: "batch"}, "pooled": {0: "batch"}},
            )
        simplify(raw, output / "backbone.onnx")
    np.savez(
        output / "classifier.npz",
        weight=network._fc.weight.detach().numpy(),
        bias=network._fc.bias.detach().numpy(),
    )


def simplify(source: Path, target: Path) -> None:
    """Fold constants and paddings with ONNX Runtime and keep standard operators only."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    model = onnx.load(target)
    standard = [entry for entry in model.opset_import if entry.domain == ""]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    onnx.checker.check_model(model)
    onnx.save(model, target)
