"""The loop: steps, dev measures, early stopping, checkpoints; the same for every task."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.utils.tensorboard import SummaryWriter

from tusou.errors import TrainingError
from tusou.training.checkpoint import AVERAGE, BEST, TASK, Place, load_checkpoint, save_checkpoint
from tusou.training.config import RunConfig
from tusou.training.device import device_of
from tusou.training.distributed import Processes
from tusou.training.optimizer import RunningMean, build_optimizer, rate_factor, set_rate
from tusou.training.plots import plot_history
from tusou.training.run_folder import RunFolder, config_digest
from tusou.training.task import Task, goodness

WORTH_A_PLOT = 5.0
"""Seconds of an epoch after which curves are drawn at once; shorter runs draw at their end."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands, for whoever watches.

    Attributes:
        done: Part of all steps done, 0 to 1.
        loss: Of the last step.
        measures: Of the dev split, after an epoch; else empty.
        epoch: Epochs done.
    """

    done: float
    loss: float
    measures: dict[str, float]
    epoch: int


class Trainer:
    """Trains a task and keeps the weights of its best epoch.

    A run that was interrupted goes on at its last checkpoint and ends with the very weights it would have
    had: everything drawn at random is a function of (seed, epoch, step, process).
    """

    def __init__(
        self,
        task: Task,
        config: RunConfig,
        folder: RunFolder,
        processes: Processes = Processes(),  # noqa: B008 - frozen
        report: Callable[[Progress], None] = lambda _: None,
        data_digest: str = "",
    ) -> None:
        """Prepare; nothing is trained yet.

        Args:
            task: What is learnt.
            config: Optimiser and loop.
            folder: Where checkpoints and history go.
            processes: Those of the run; the leading one writes.
            report: Called after every step.
            data_digest: Of what the task learns from; a checkpoint of other data is refused.
        """
        self.task, self.config, self.folder = task, config, folder
        self.processes, self.report = processes, report
        self.measure = config.training.measure or task.measure
        self.optimizer = build_optimizer(task.parameter_groups(), config.optimizer)
        self.mean = RunningMean(config.optimizer.average)
        self.place = Place(config_digest=config_digest(config), data_digest=data_digest)
        self.best: dict[str, Tensor] = {}

    def run(self) -> Place:
        """Train to the end, or go on from the checkpoint.

        Returns:
            Where the run stands at the end; the task's model holds the best weights.

        Raises:
            TrainingError: The loss or a weight is not finite, or the measure is not one of the task's.
            CheckpointMismatch: The checkpoint is of another configuration.
        """
        resumed = self.folder.checkpoint.exists()
        self.processes.wait()  # until all have looked: the leading one will write it
        if resumed:
            self._resume()
        elif self.config.training.epochs == 0:
            self._finish_epoch(0.0)
        with (
            SummaryWriter(self.folder.path / "tensorboard")
            if self.processes.leads
            else nullcontext() as board
        ):
            while self.place.epoch < self.config.training.epochs and not self._patience_is_over():
                self._epoch()
                if board:
                    for name, value in self.place.history[-1].items():
                        board.add_scalar(name, value, self.place.epoch)
        if self.processes.leads:
            self._plot()
        self.task.model.load_state_dict(self.best)
        return self.place

    def _resume(self) -> None:
        self.place, weights = load_checkpoint(
            self.folder.checkpoint,
            self.task.model,
            self.optimizer,
            self.place.config_digest,
            self.place.data_digest,
        )
        device = device_of(self.task.model)
        self.mean.load({name: value.to(device) for name, value in weights[AVERAGE].items()})
        self.best = weights[BEST]
        self.task.load_state(weights[TASK])

    def _patience_is_over(self) -> bool:
        patience = self.config.training.patience
        return bool(patience) and self.place.epoch - 1 - self.place.best_epoch >= patience

    def _epoch(self) -> None:
        started = perf_counter()
        if self.place.step == 0:
            self.task.begin_epoch(self.place.epoch)
        self.task.model.train()
        while self.place.step < self.task.steps:
            loss = self._step()
            self.place.losses += loss
            self.place.step += 1
            if self.place.step % self.config.training.checkpoint_steps == 0:
                self._check_weights()
                self._save()
            self._tell(loss, {})
        self._finish_epoch(perf_counter() - started)

    def _step(self) -> float:
        place, config = self.place, self.config
        done = place.epoch * self.task.steps + place.step
        # every draw of dropout belongs to this step and process: a resumed run repeats it
        torch.manual_seed(_seed(config.seed, done, self.processes.rank))
        steps = config.training.epochs * self.task.steps
        set_rate(self.optimizer, config.optimizer, rate_factor(config.optimizer, done, steps))
        self.optimizer.zero_grad()
        loss = self.task.loss(place.epoch, place.step)
        if not math.isfinite(loss.item()):
            raise self._diverged(f"the loss became {loss.item()}", "loss_not_finite")
        if loss.requires_grad:
            torch.autograd.backward(loss)
        self.task.finish_step()
        if config.optimizer.clip:
            clip_grad_norm_(self.task.model.parameters(), config.optimizer.clip)
        self.optimizer.step()
        self.mean.update(self.task.model, done + 1)
        return loss.item()

    def _finish_epoch(self, seconds: float) -> None:
        """Measure, keep the weights if they are the best, write everything down."""
        place = self.place
        self._check_weights()
        kept, measures = self._evaluate()
        if self.measure not in measures:
            raise TrainingError(
                f"training.measure = {self.measure!r} is not measured; there are: {', '.join(measures)}",
                reason="unknown_measure",
            )
        value = goodness(self.measure, measures[self.measure])
        if place.best is None or value > goodness(self.measure, place.best):
            place.best, place.best_epoch = measures[self.measure], place.epoch
            self.best = {name: value.detach().clone() for name, value in kept.items()}
        row = {"epoch": place.epoch + 1, "loss": place.losses / max(place.step, 1), **measures}
        place.history.append(row | {"seconds": round(seconds, 3)})
        place.epoch, place.step, place.losses = place.epoch + 1, 0, 0.0
        self._save()
        if self.processes.leads:
            self.folder.write_history(place.history)
            if seconds > WORTH_A_PLOT:
                self._plot()
        self._tell(row["loss"], measures)

    def _plot(self) -> None:
        plot_history(self.place.history, self.measure, self.config.name, self.folder.path / "curves.png")

    def _check_weights(self) -> None:
        """Let no broken weight be measured or written: every comparison with NaN is false."""
        for name, value in self.task.model.state_dict().items():
            if not bool(value.isfinite().all()):
                raise self._diverged(f"weight {name} is no longer finite", "weights_not_finite")

    def _diverged(self, what: str, reason: str) -> TrainingError:
        return TrainingError(
            f"{what} at epoch {self.place.epoch + 1}, step {self.place.step + 1}; lower optimizer.lr, set "
            "optimizer.clip, or look for broken rows with `tusou data check`; epochs done before are kept",
            reason=reason,
        )

    def _evaluate(self) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Weights that would be kept (the running mean, if there is one) and their measures."""
        model = self.task.model
        if not self.mean.weights:
            return model.state_dict(), self.task.evaluate()
        own = {name: value.detach().clone() for name, value in model.state_dict().items()}
        model.load_state_dict(self.mean.weights)
        measures = self.task.evaluate()
        model.load_state_dict(own)
        return self.mean.weights, measures

    def _save(self) -> None:
        if self.processes.leads:
            extra = {AVERAGE: self.mean.weights, BEST: self.best, TASK: self.task.state()}
            save_checkpoint(self.folder.checkpoint, self.task.model, self.optimizer, extra, self.place)
        self.processes.wait()

    def _tell(self, loss: float, measures: dict[str, float]) -> None:
        steps = max(self.config.training.epochs * self.task.steps, 1)
        done = (self.place.epoch * self.task.steps + self.place.step) / steps
        if self.processes.leads:
            self.report(Progress(min(done, 1.0), loss, measures, self.place.epoch))


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
