"""Any image tower another framework exported: run by ONNX Runtime, frozen, to fill the feature cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from tusou.encoders.bundle_encoder import open_session
from tusou.training.towers.onnx_graph import refuse_training, run_batches, static_dim

BATCH = 8


class OnnxImageTower:
    """Pixels to image features with a frozen graph.

    Not a torch module: ONNX Runtime computes no gradients.

    Attributes:
        width: Length of ``image_features``.
        size: Side of the input, pixels.
        mean: Subtracted per channel, on the scale 0 to 255.
        std: Divided by, per channel, same scale.
        channels: 3 for RGB, 1 for grey.
        file: The graph.
    """

    def __init__(
        self,
        file: Path,
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        size: int | None,
        threads: int = 1,
    ) -> None:
        """Load a graph.

        Args:
            file: Graph with one input (batch, channels, size, size) float32; its first output is read.
            mean: One number for each channel.
            std: One number for each channel.
            size: Side of the input; None takes the graph's own.
            threads: Threads of one run.

        Raises:
            BundleError: ONNX Runtime cannot read the file.
            ConfigError: The graph's shapes do not say what is needed, or contradict ``size``.
        """
        self.file = file
        self.mean = mean
        self.std = std
        self.channels = len(mean)
        self._session = open_session(file, threads)
        (pixels,) = self._session.get_inputs()[:1]
        output = self._session.get_outputs()[0]
        self.size = static_dim(file, pixels, 2, size)
        self.width = static_dim(file, output, 1, None)
        self._names = (pixels.name, output.name)

    def encode(self, pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Compute image features.

        Args:
            pixels: (n, channels, size, size) float32, (value - mean) / std.

        Returns:
            (n, width) float32, as the graph gives them.

        Raises:
            EncoderError: The graph does not run on these pixels.
        """
        name, output = self._names
        batches = ({name: pixels[i : i + BATCH]} for i in range(0, len(pixels), BATCH))
        return run_batches(self._session, self.file, batches, output, self.width)

    def freeze(self, train: object) -> None:
        """Accept ``"none"`` only.

        Raises:
            ConfigError: Something is to be trained.
        """
        refuse_training(self.file, train)


def build_onnx(
    *,
    file: str | Path,
    mean: tuple[float, ...] = (127.5, 127.5, 127.5),
    std: tuple[float, ...] = (127.5, 127.5, 127.5),
    size: int | None = None,
) -> OnnxImageTower:
    """A frozen graph.

    Args:
        file: The ``.onnx`` file.
        mean: Subtracted per channel, on the scale 0 to 255.
        std: Divided by, per channel, same scale.
        size: Side of the input; None takes the graph's own.
    """
    return OnnxImageTower(Path(file), mean=tuple(mean), std=tuple(std), size=size)
