"""Learning classes of images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from tusou.training.data.augment import move_digits
from tusou.training.data.relevance import ClassData, Positions
from tusou.training.device import to_device
from tusou.training.distributed import Processes
from tusou.training.model import ClassModel
from tusou.training.objectives.cross_entropy import CrossEntropy

ENCODE_BATCH = 1000


class ClassImages:
    """Pixels of classes, kept in memory; implements ``data.inputs.ImageInputs``."""

    def __init__(
        self, data: ClassData, mean: Sequence[float], std: Sequence[float], *, augment: bool
    ) -> None:
        """Keep the pixels.

        Args:
            data: Its ``pixels`` are (n, height, width) uint8.
            mean: Subtracted, on the scale 0 to 255; one number.
            std: Divided by.
            augment: Move digits a little at each draw.
        """
        assert data.pixels is not None
        self._pixels, self._mean, self._std, self._augment = data.pixels, mean[0], std[0], augment

    def take(self, positions: Positions, draw: int | None) -> Tensor:
        """(n, 1, height, width) float32."""
        pixels = self._pixels[positions]
        if self._augment and draw is not None:
            pixels = move_digits(pixels, draw)
        return ((torch.from_numpy(pixels).float() - self._mean) / self._std).unsqueeze(1)


class ClassTask:
    """Implements ``task.Task``."""

    measure = "accuracy"

    def __init__(
        self,
        model: ClassModel,
        objective: CrossEntropy,
        splits: dict[str, tuple[ClassImages, Positions]],
        batch_size: int,
        seed: int,
        processes: Processes,
    ) -> None:
        """Put the parts together.

        Args:
            model: Tower and output layer.
            objective: Loss.
            splits: Inputs and labels of ``train`` and ``dev``.
            batch_size: Images of one step.
            seed: Start of the random numbers.
            processes: Those of the run.
        """
        self.model, self.objective, self.splits = model, objective, splits
        self.processes, self._size, self._seed = processes, batch_size, seed
        self.steps = -(-len(splits["train"][1]) // batch_size)

    def begin_epoch(self, epoch: int) -> None:
        """Nothing changes between epochs."""

    def state(self) -> dict[str, Tensor]:
        """Nothing beside the weights."""
        return {}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Nothing to go back to."""

    def loss(self, epoch: int, step: int) -> Tensor:
        """Mean loss of the batch; with several processes, this one's part of it."""
        images, labels = self.splits["train"]
        order = np.random.default_rng((self._seed, epoch)).permutation(len(labels))
        chosen = order[step * self._size : (step + 1) * self._size]
        own, part = self.processes.own(chosen), self.processes.share(len(chosen))
        draw = int(np.random.SeedSequence((self._seed, epoch, step)).generate_state(1)[0])
        scores = self.model(images.take(own, draw))
        loss: Tensor = self.objective(scores, to_device(torch.from_numpy(labels[own]), self.model))
        return torch.mul(loss, (part.stop - part.start) / len(chosen))

    def finish_step(self) -> None:
        """Sum the gradients of all processes."""
        self.processes.sum_gradients([each for each in self.model.parameters() if each.requires_grad])

    def parameter_groups(self) -> Sequence[tuple[str, Sequence[nn.Parameter]]]:
        """See ``task.Task``."""
        return [
            ("tower", list(self.model.image.parameters())),
            ("head", list(self.model.output.parameters())),
        ]

    def evaluate(self) -> dict[str, float]:
        """Accuracy and error (percent) on the dev split."""
        images, labels = self.splits["dev"]
        wrong = len(labels) - self.correct(images, labels)
        return {"accuracy": 1 - wrong / len(labels), "error_percent": 100 * wrong / len(labels)}

    @torch.inference_mode()
    def correct(self, images: ClassImages, labels: Positions) -> int:
        """Images whose best scored class is theirs."""
        self.model.eval()
        right = 0
        for start in range(0, len(labels), ENCODE_BATCH):
            part = np.arange(start, min(start + ENCODE_BATCH, len(labels)))
            right += int((self.model(images.take(part, None)).argmax(1).cpu().numpy() == labels[part]).sum())
        self.model.train()
        return right
