"""Every objective written as loops over lists and pairs, straight from its formula: the tests' references."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

List = Sequence[tuple[float, float]]
"""(score, grade) of the known images of one list."""


def bce(entries: List) -> float | None:
    sides: dict[bool, list[float]] = {True: [], False: []}
    for score, grade in entries:
        chance = 1 / (1 + math.exp(-score))
        sides[grade > 0].append(-math.log(chance if grade > 0 else 1 - chance))
    return sum(sum(side) / len(side) for side in sides.values() if side) / 2 if entries else None


def siglip(entries: List) -> float | None:
    signs = [(1 if grade > 0 else -1) * score for score, grade in entries]
    return sum(math.log(1 + math.exp(-each)) for each in signs) if entries else None


def info_nce(entries: List) -> float | None:
    wrong = [math.exp(score) for score, grade in entries if grade <= 0]
    right = [math.exp(score) for score, grade in entries if grade > 0]
    if not wrong or not right:
        return None
    return sum(-math.log(each / (each + sum(wrong))) for each in right) / len(right)


def list_softmax(gain: Callable[[float], float]) -> Callable[[List], float | None]:
    def loss(entries: List) -> float | None:
        gains = [gain(grade) for _, grade in entries]
        if len(set(gains)) < 2:
            return None
        total = sum(math.exp(score) for score, _ in entries)
        logs = [math.log(math.exp(score) / total) for score, _ in entries]
        return -sum(each * log for each, log in zip(gains, logs, strict=True)) / sum(gains)

    return loss


def ranknet(*, ties: bool) -> Callable[[List], float | None]:
    """With the better image of each pair first, P = 1; with ties, pairs of one grade have P = 1/2."""

    def loss(entries: List) -> float | None:
        losses = []
        for i, (first, grade) in enumerate(entries):
            for j, (second, other) in enumerate(entries):
                if grade > other:
                    losses.append(rank_cost(first - second, 1.0))
                elif ties and grade == other and i < j:
                    losses.append(rank_cost(first - second, 0.5))
        return sum(losses) if losses else None

    return loss


def rank_cost(margin: float, target: float) -> float:
    return math.log(1 + math.exp(margin)) - target * margin


def triplet(margin: float, *, hardest: bool) -> Callable[[List], float | None]:
    def loss(entries: List) -> float | None:
        right = [score for score, grade in entries if grade > 0]
        wrong = [score for score, grade in entries if grade <= 0]
        if not right or not wrong:
            return None
        against = [max(wrong)] if hardest else wrong
        return sum(max(0.0, margin - r + w) for r in right for w in against) / len(right)

    return loss
