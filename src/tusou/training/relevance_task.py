"""Learning the relevance of images to queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from tusou.evaluation.measures import Ranks, median_rank, success
from tusou.training.data.batches import Batch, Batches, ListBatches
from tusou.training.data.inputs import ImageInputs, TextInputs
from tusou.training.data.relevance import Positions, RelevanceData
from tusou.training.device import to_device
from tusou.training.distributed import Processes
from tusou.training.mining import mine_negatives
from tusou.training.model import RelevanceModel
from tusou.training.objectives.base import Objective, symmetric

CUTOFFS = (1, 5, 10)
"""Of Success@k."""

ENCODE_BATCH = 256

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SplitInputs:
    """One split: what is asked, and what the towers read of it.

    Attributes:
        data: Queries and their lists.
        images: Inputs by position in ``data.pictures``.
        texts: Inputs by position in ``data.queries``.
    """

    data: RelevanceData
    images: ImageInputs
    texts: TextInputs


@dataclass(frozen=True)
class RelevanceOptions:
    """How batches become a loss.

    Attributes:
        symmetric: Also hold images against queries (grids).
        recall: Weight of the cosine's own loss beside that of a concatenation scorer.
        mine_every: Epochs between minings; 0 mines nothing.
        mine_depth: Mined negatives kept for each query.
        mine_skip: Best scored ones left out.
        seed: Start of the random numbers.
        separate_bias: The second image of each list is embedded with the negative's bias.
    """

    symmetric: bool = False
    recall: float = 1.0
    mine_every: int = 0
    mine_depth: int = 50
    mine_skip: int = 0
    seed: int = 0
    separate_bias: bool = False


class RelevanceTask:
    """Implements ``task.Task``."""

    measure = "success@10"

    def __init__(
        self,
        model: RelevanceModel,
        objective: Objective,
        batches: Batches,
        train: SplitInputs,
        dev: SplitInputs,
        options: RelevanceOptions,
        processes: Processes,
    ) -> None:
        """Put the parts together."""
        self.model, self.objective, self.batches = model, objective, batches
        self.train, self.dev = train, dev
        self.options, self.processes = options, processes
        self.steps = len(batches)

    def begin_epoch(self, epoch: int) -> None:
        """Mine hard negatives when they are due."""
        every = self.options.mine_every
        if every and epoch % every == 0 and isinstance(self.batches, ListBatches):
            queries, images = self.rows(self.train)
            options = self.options
            self.batches.hard = mine_negatives(
                self.train.data, queries, images, options.mine_depth, options.mine_skip
            )

    def state(self) -> dict[str, Tensor]:
        """The mined negatives, which belong to weights that are gone."""
        hard = self.batches.hard if isinstance(self.batches, ListBatches) else None
        return {} if hard is None else {"hard": torch.from_numpy(hard)}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on with the negatives mined before."""
        if "hard" in state and isinstance(self.batches, ListBatches):
            self.batches.hard = state["hard"].numpy()

    def loss(self, epoch: int, step: int) -> Tensor:
        """Loss of the whole batch; gradients reach this process's share of the rows."""
        batch = self.batches.batch(epoch, step)
        draw = int(np.random.SeedSequence((self.options.seed, epoch, step)).generate_state(1)[0])
        queries = self._queries(batch)
        features = self._image_features(batch, draw)
        images = self._image_rows(batch, features)
        items = None if batch.items is None else to_device(torch.from_numpy(batch.items), self.model)
        scores = self._scores(batch, queries, images, items, features)
        total = self._measure_loss(scores, batch)
        cosines = self.model.cosine_scores(queries, images, items)
        if cosines is not None and self.options.recall:
            total = total + self.options.recall * self._measure_loss(cosines, batch)
        return total

    def finish_step(self) -> None:
        """Sum the towers' and heads' gradients; the scorer's are those of the whole batch everywhere.

        But for dropout, which every process draws for itself; so their mean is taken.
        """
        self.processes.sum_gradients(self.model.shard_parameters())
        self.processes.average_gradients(self.model.shared_parameters())

    def parameter_groups(self) -> Sequence[tuple[str, Sequence[nn.Parameter]]]:
        """See ``task.Task``."""
        towers = [*self.model.image.parameters(), *self.model.text.parameters()]
        return [("tower", towers), ("head", list(self.model.scorer.parameters()))]

    def evaluate(self) -> dict[str, float]:
        """Success@k and median rank, text to image, over all images of the dev split, by language.

        Queries without a relevant image are left out.
        """
        queries, images = self.rows(self.dev)
        ranks = first_ranks(self.model, self.dev.data, queries, images)
        relevant = self.dev.data.grades > 0
        answered = np.unique(self.dev.data.query_of_entry[relevant])
        measures = _measures(ranks[answered], "")
        languages = np.array(self.dev.data.languages)[answered]
        for language in sorted(set(languages.tolist()) - {""}):
            measures |= _measures(ranks[answered][languages == language], f"{language}_")
        return measures

    @torch.inference_mode()
    def rows(self, split: SplitInputs) -> tuple[Tensor, Tensor]:
        """Rows of every query (queries, dim) and of every image (images, dim) of a split."""
        training = self.model.training
        self.model.eval()
        queries = [self.model.encode_text(split.texts.take(part)) for part in _parts(len(split.data.queries))]
        images = [
            self.model.encode_image(split.images.take(part, None))
            for part in _parts(len(split.data.pictures))
        ]
        self.model.train(training)
        return torch.cat(queries), torch.cat(images)

    def _queries(self, batch: Batch) -> Tensor:
        own = self.processes.own(batch.queries)
        rows = self.model.encode_text(self.train.texts.take(own))
        return self.processes.gather(rows, len(batch.queries))

    def _image_features(self, batch: Batch, draw: int) -> Tensor:
        own = self.processes.own(batch.images)
        return self.model.image_features(self.train.images.take(own, draw))

    def _image_rows(self, batch: Batch, features: Tensor, *, negative: bool = False) -> Tensor:
        rows = self.model.image_row(features, negative=negative)
        return self.processes.gather(rows, len(batch.images))

    def _scores(
        self, batch: Batch, queries: Tensor, images: Tensor, items: Tensor | None, features: Tensor
    ) -> Tensor:
        if not self.options.separate_bias or items is None:
            return self.model.joint_scores(queries, images, items)
        negatives = self._image_rows(batch, features, negative=True)
        pairs = torch.stack([embedding(items[:, 0], images), embedding(items[:, 1], negatives)], 1)
        return self.model.scorer.lists(queries, pairs)

    def _measure_loss(self, scores: Tensor, batch: Batch) -> Tensor:
        grades = to_device(torch.from_numpy(batch.grades), self.model)
        known = to_device(torch.from_numpy(batch.known), self.model)
        if self.options.symmetric:
            return symmetric(self.objective, scores, grades, known)
        return self.objective(scores, grades, known)


@torch.inference_mode()
def feature_rows(model: RelevanceModel, split: SplitInputs) -> tuple[Features, Features]:
    """What the towers give before the heads: (images, width) and (queries, width) float32."""
    model.eval()
    images = [
        model.image(to_device(split.images.take(part, None), model))
        for part in _parts(len(split.data.pictures))
    ]
    texts = [
        model.text(*(to_device(each, model) for each in split.texts.take(part)))
        for part in _parts(len(split.data.queries))
    ]
    return torch.cat(images).cpu().numpy(), torch.cat(texts).cpu().numpy()


@torch.inference_mode()
def first_ranks(model: RelevanceModel, data: RelevanceData, queries: Tensor, images: Tensor) -> Ranks:
    """Rank of the first relevant image among all images, for every query that has one.

    An image that is not relevant but scores the same counts as ranked before it.

    Args:
        model: Its scorer scores.
        data: Whose queries and images.
        queries: (queries, dim) rows.
        images: (images, dim) rows.

    Returns:
        (queries,); a query without a relevant image is ranked behind all images.
    """
    model.eval()
    owners = data.query_of_entry
    ranks = np.empty(len(data.queries), dtype=np.int64)
    for part in _parts(len(queries)):
        blocks = [model.joint_scores(queries[part], images[few], None).cpu() for few in _parts(len(images))]
        scores = torch.cat(blocks, 1)  # in blocks: a concatenation keeps a hidden layer for every pair
        relevant = torch.zeros_like(scores, dtype=torch.bool)
        inside = (owners >= part[0]) & (owners <= part[-1]) & (data.grades > 0)
        relevant[torch.from_numpy(owners[inside] - part[0]), torch.from_numpy(data.items[inside])] = True
        best = scores.masked_fill(~relevant, -torch.inf).amax(1, keepdim=True)
        ahead = ~(scores < best) & ~relevant  # not (a >= b): NaN must never rank first
        ranks[part] = 1 + ahead.sum(1).numpy()
    return ranks


def _measures(ranks: Ranks, prefix: str) -> dict[str, float]:
    measures = {f"{prefix}success@{k}": success(ranks, k) for k in CUTOFFS}
    return measures | {f"{prefix}median_rank": median_rank(ranks)}


def _parts(count: int) -> list[Positions]:
    return [np.arange(start, min(start + ENCODE_BATCH, count)) for start in range(0, count, ENCODE_BATCH)]
