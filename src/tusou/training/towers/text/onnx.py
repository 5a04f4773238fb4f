"""Any sentence encoder in ONNX with its tokenizer: run by ONNX Runtime, frozen, to fill the feature cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from tusou.encoders.bundle_encoder import open_session
from tusou.encoders.tokenizers import open_tokenizer
from tusou.errors import ConfigError
from tusou.models.manifest import Tokenizer
from tusou.training.towers.onnx_graph import refuse_training, run_batches, static_dim

BATCH = 64


class OnnxTextTower:
    """Texts to text features with a frozen graph.

    Not a torch module: ONNX Runtime computes no gradients.

    Attributes:
        width: Length of ``text_features``.
        file: The graph.
        tokenizer: As in a bundle's manifest.
        reader: The tokenizer.
    """

    def __init__(self, file: Path, tokenizer: Tokenizer, *, threads: int = 1) -> None:
        """Load a graph and its tokenizer.

        Args:
            file: Graph with inputs ``ids`` and perhaps ``mask``, int64; its first output is read.
            tokenizer: As in a bundle's manifest; its file lies beside the graph.
            threads: Threads of one run.

        Raises:
            BundleError: A file cannot be read.
            ConfigError: The graph has other inputs.
        """
        self.file = file
        self.tokenizer = tokenizer
        self.reader = open_tokenizer(file.parent / tokenizer.file, tokenizer)
        self._session = open_session(file, threads)
        self._inputs = {entry.name for entry in self._session.get_inputs()}
        if not {"ids"} <= self._inputs <= {"ids", "mask"}:
            raise ConfigError(f"{file}: expected inputs ids and mask, got {', '.join(sorted(self._inputs))}")
        output = self._session.get_outputs()[0]
        self._output = output.name
        self.width = static_dim(file, output, 1, None)

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Compute text features, (n, width) float32, as the graph gives them.

        Raises:
            EncoderError: The graph does not run on these texts.
        """
        rows = [self.reader.ids(text) for text in texts]
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))  # alike lengths together: little padding
        batches = (self._batch([rows[i] for i in order[k : k + BATCH]]) for k in range(0, len(order), BATCH))
        features = np.empty((len(rows), self.width), dtype=np.float32)
        features[order] = run_batches(self._session, self.file, batches, self._output, self.width)
        return features

    def freeze(self, train: object) -> None:
        """Accept ``"none"`` only.

        Raises:
            ConfigError: Something is to be trained.
        """
        refuse_training(self.file, train)

    def _batch(self, rows: list[list[int]]) -> dict[str, npt.NDArray[np.int64]]:
        ids, mask = self.reader.batch(rows)
        return {name: value for name, value in (("ids", ids), ("mask", mask)) if name in self._inputs}


def build_onnx(*, file: str | Path, tokenizer: Mapping[str, Any]) -> OnnxTextTower:
    """A frozen graph.

    Args:
        file: The ``.onnx`` file.
        tokenizer: The table of a bundle's manifest; its file lies beside the graph.

    Raises:
        ConfigError: The table has missing or unknown keys.
    """
    try:
        spec: Tokenizer = TypeAdapter(Tokenizer).validate_python(dict(tokenizer))
    except ValidationError as error:
        raise ConfigError(f"tower onnx: tokenizer: {error}") from error
    return OnnxTextTower(Path(file), spec)
