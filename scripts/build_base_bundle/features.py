"""Run the towers without heads, and turn what they give into what the heads read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from tusou.training.cca import Head
from tusou.encoders.bundle_encoder import open_session
from tusou.encoders.tokenizers import open_tokenizer
from tusou.encoders.tokenizers_base import TokenReader
from tusou.models.manifest import Tokenizer

LAST = 1280
"""Width of the last map; what follows in a pooled row are the stages."""

STAGE_WEIGHT = 0.7
"""Length of the stage part of a feature row, against 1 for the last map."""

BATCH = 64


@dataclass(frozen=True)
class ImageFeatures:
    """Pooled rows to features: [unit root of the last map, standardised stages].

    The square root evens out channels that rarely fire but then strongly, as it does for histograms.

    Attributes:
        mean: (stages,) mean of each stage channel over the photos of the fit.
        scale: (stages,) what its deviation is multiplied by.
    """

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, pooled: np.ndarray) -> ImageFeatures:
        """Measure the stage channels."""
        stages = pooled[:, LAST:]
        width = STAGE_WEIGHT / np.sqrt(stages.shape[1])
        return cls(stages.mean(axis=0), (width / stages.std(axis=0)).astype(np.float32))

    def apply(self, pooled: np.ndarray) -> np.ndarray:
        """(n, 1280 + stages) pooled means to features of the same shape."""
        root = np.sqrt(np.maximum(pooled[:, :LAST], 0))
        root /= np.linalg.norm(root, axis=1, keepdims=True)
        return np.concatenate([root, (pooled[:, LAST:] - self.mean) * self.scale], axis=1)


def run_backbone(path: Path, batches: Iterable[np.ndarray]) -> np.ndarray:
    """Pooled means of pictures, (n, 1280 + stages)."""
    session = open_session(path, 1)
    return np.concatenate([session.run(None, {"pixels": batch})[0] for batch in batches])


def run_text_tower(path: Path, tokenizer: Path, spec: Tokenizer, texts: list[str]) -> np.ndarray:
    """Features of texts, (n, 1024); a text that repeats is computed once."""
    session, reader = open_session(path, 1), open_tokenizer(tokenizer, spec)
    unique = sorted(set(texts), key=len)
    parts = [_run_texts(session, reader, unique[i : i + BATCH]) for i in range(0, len(unique), BATCH)]
    features = np.concatenate(parts)
    place = {text: i for i, text in enumerate(unique)}
    return features[[place[text] for text in texts]]


def _run_texts(session: onnxruntime.InferenceSession, reader: TokenReader, texts: list[str]) -> np.ndarray:
    ids, mask = reader.batch([reader.ids(text) for text in texts])
    features: np.ndarray = session.run(None, {"ids": ids, "mask": mask})[0]
    return features


def class_means(features: np.ndarray, pooled: np.ndarray, classifier: Path) -> np.ndarray:
    """Where pictures of each ImageNet class lie on average, read off the classifier.

    To first order, pictures of class c are all pictures re-weighted by exp(w_c · x), so their mean feature
    differs from the overall mean by Cov(feature, w_c · x). Scaled to the length a picture's deviation has.

    Args:
        features: (n, p) features of any pictures.
        pooled: (n, ≥ 1280) pooled rows of the same pictures.
        classifier: ``classifier.npz``.

    Returns:
        (1000, p) deviations from the mean feature.
    """
    with np.load(classifier, allow_pickle=False) as file:
        weights = file["weight"] - file["weight"].mean(axis=0)
    centred = features - features.mean(axis=0)
    last = pooled[:, :LAST] - pooled[:, :LAST].mean(axis=0)
    deviations = (centred.T @ (last @ weights.T) / len(last)).T
    length = np.sqrt((centred**2).sum(axis=1).mean())
    return (deviations * length / np.sqrt((deviations**2).sum(axis=1).mean())).astype(np.float32)


def build_image_tower(backbone: Path, features: ImageFeatures, head: Head) -> onnx.ModelProto:
    """Append features and head to the backbone: pixels to ``embedding``, L2-normalised.

    Standardising the stages and the head are both affine, so they become one matrix.
    """
    matrix = head.matrix.copy()
    bias = head.bias - (features.mean * features.scale) @ matrix[LAST:]
    matrix[LAST:] *= features.scale[:, None]
    model = onnx.load(backbone)
    graph = model.graph
    constants = {
        "head_matrix": matrix.astype(np.float32),
        "head_bias": bias.astype(np.float32),
        "head_split": np.array([LAST, len(matrix) - LAST], dtype=np.int64),
    }
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    graph.node.extend(
        [
            helper.make_node("Split", ["pooled", "head_split"], ["last", "stages"], axis=1),
            helper.make_node("Relu", ["last"], ["last_positive"]),
            helper.make_node("Sqrt", ["last_positive"], ["root"]),
            helper.make_node("LpNormalization", ["root"], ["unit_root"], axis=1, p=2),
            helper.make_node("Concat", ["unit_root", "stages"], ["features"], axis=1),
            helper.make_node("Gemm", ["features", "head_matrix", "head_bias"], ["projected"]),
            helper.make_node("LpNormalization", ["projected"], ["embedding"], axis=1, p=2),
        ]
    )
    del graph.output[:]
    shape = ["batch", head.matrix.shape[1]]
    graph.output.append(helper.make_tensor_value_info("embedding", TensorProto.FLOAT, shape))
    onnx.checker.check_model(model)
    return model
