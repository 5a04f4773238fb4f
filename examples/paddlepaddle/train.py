"""Train the reference network on PaddlePaddle, pack it as a bundle, draw pictures to search.

::

    python examples/paddlepaddle/train.py OUTPUT

writes OUTPUT/bundle (the model), OUTPUT/pictures (unseen pictures with meaningless names) and
OUTPUT/truth.json (what is on them). README.md shows how to search them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import paddle
from export import IMAGE, WORDS, feature_model, write_bundle, write_vocabulary
from features import Tensor
from PIL import Image
from reference_network import ReferenceNetwork, rank_loss
from shapes import COLORS, SHAPES, Shape, draw_shapes, queries

from tusou.encoders.preprocess import pixel_tensor
from tusou.encoders.tokenizers_words import UNKNOWN, WordReader
from tusou.text.analyze import analyze

WORD_WIDTH = 100
BATCH = 250
LEARNING_RATE = 1e-3
SCALE = 5.0
"""Of the cosines; with 1 no triple's cost falls below 0.127."""


@dataclass(frozen=True)
class Examples:
    """What training reads.

    Attributes:
        images: (pictures, image width) features.
        texts: (queries, query width) features.
        relevant: (queries, pictures), True where the picture answers the query.
    """

    images: Tensor
    texts: Tensor
    relevant: np.ndarray

    def triples(self, count: int, random: np.random.Generator) -> list[Tensor]:
        """Features of queries, each with a picture that answers it and one that does not."""
        asked = random.integers(len(self.texts), size=count)
        order = random.random((count, len(self.images)))
        relevant = self.relevant[asked]
        positive = np.where(relevant, order, -1).argmax(axis=1)
        negative = np.where(relevant, -1, order).argmax(axis=1)
        return [self.texts[asked], self.images[positive], self.images[negative]]


def image_features(shapes: Sequence[Shape]) -> Tensor:
    """Features through the same preprocessing that ingest and search use."""
    session = onnxruntime.InferenceSession(feature_model().SerializeToString())
    pixels = pixel_tensor([each.pixels for each in shapes], IMAGE)
    features: Tensor = session.run(None, {"pixels": pixels})[0]
    return features


def word_table(words: int, random: np.random.Generator) -> Tensor:
    """A random vector per line of the vocabulary (a real system loads Word2Vec here); zero if unknown."""
    table = random.standard_normal((words, WORD_WIDTH)).astype(np.float32)
    table[: UNKNOWN + 1] = 0
    return table


def prepare(bundle: Path, shapes: Sequence[Shape], random: np.random.Generator) -> tuple[Examples, Tensor]:
    """Write the vocabulary, compute the features; returns them with the word table."""
    answers = [set(queries(each.color, each.shape)) for each in shapes]
    texts = sorted({query for color in COLORS for shape in SHAPES for query in queries(color, shape)})
    vocabulary = sorted({word for text in texts for word in analyze(text).words})
    reader = WordReader(write_vocabulary(bundle, vocabulary), WORDS)
    table = word_table(len(vocabulary) + UNKNOWN + 1, random)
    means = np.array([table[reader.ids(text)].mean(axis=0) for text in texts])
    relevant = np.array([[text in answer for answer in answers] for text in texts])
    return Examples(image_features(shapes), means, relevant), table


def train(examples: Examples, steps: int, random: np.random.Generator) -> dict[str, Tensor]:
    """Run Adam; returns the weights by name."""
    paddle.seed(int(random.integers(1 << 31)))
    network = ReferenceNetwork(WORD_WIDTH, examples.images.shape[1], scale=SCALE)
    optimizer = paddle.optimizer.Adam(LEARNING_RATE, parameters=network.parameters())
    target = paddle.ones([BATCH])
    for step in range(1, steps + 1):
        loss = rank_loss(network(*map(paddle.to_tensor, examples.triples(BATCH, random))), target)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        if step in (1, steps) or step % 25 == 0:
            print(f"step {step:4d}  loss per triple {float(loss) / BATCH:.4f}", flush=True)
    return {name: parameter.numpy() for name, parameter in network.named_parameters()}


def write_pictures(folder: Path, shapes: Sequence[Shape], truth: Path) -> None:
    """Save pictures under numbers and, elsewhere, what is on them."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {f"{i:04d}.png": each for i, each in enumerate(shapes)}
    for name, each in named.items():
        Image.fromarray(each.pixels).save(folder / name)
    known = {name: {"color": each.color, "shape": each.shape} for name, each in named.items()}
    truth.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Draw, train, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="folder to write, made if missing")
    parser.add_argument("--steps", type=int, default=100, help="training steps")
    parser.add_argument("--shuffle", action="store_true", help="control: pictures get each other's words")
    options = parser.parse_args()
    random = np.random.default_rng(0)
    bundle = options.output / "bundle"
    examples, table = prepare(bundle, draw_shapes(400, random), random)
    if options.shuffle:
        random.shuffle(examples.relevant, axis=1)
    write_bundle(bundle, table, train(examples, options.steps, random))
    write_pictures(options.output / "pictures", draw_shapes(70, random), options.output / "truth.json")
    print(f"wrote {bundle} and {options.output / 'pictures'}")


if __name__ == "__main__":
    main()
