"""Compares two models on the same rows by a paired bootstrap over accounts.

Both models are measured in every replicate on the same accounts, each at the threshold that gives the false positive
rate in that replicate, so that what varies is the difference and not the world.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from sentinela_mlops.gold import Window
from sentinela_models import bootstrap, evaluate, metrics

ONE_SIDED = 1.6448536269514722  # 95 % of a normal distribution
HEAD = 0.03  # share of legitimate payments that a replicate can reach at the levels that are asked for


@dataclasses.dataclass(frozen=True)
class Difference:
    """Recall of the candidate less that of the champion at one false positive rate."""

    level: float
    candidate: float
    champion: float
    lower: float  # of the one-sided 95 % interval of the difference
    error: float  # standard error of the difference

    @property
    def gain(self) -> float:
        """Return what the candidate finds more, as a share of the frauds."""
        return self.candidate - self.champion

    def power(self, margin: float) -> float:
        """Return how likely a candidate that is exactly as good is let through, given the frauds of this window."""
        if self.error == 0:
            return 1.0
        return 0.5 * math.erfc((ONE_SIDED - margin / self.error) / math.sqrt(2))


class Ranked:
    """One model's scores of a window, ready to be measured with other weights."""

    def __init__(self, raw: np.ndarray, w: Window) -> None:
        v = w.rows
        order = np.argsort(-raw, kind="stable")
        fraud = v.label[order] == 1
        wrong = np.cumsum(v.weight[order] * ~fraud)
        reach = np.flatnonzero((wrong > HEAD * wrong[-1]) & (np.arange(len(order)) >= 2000))
        rows = order[: reach[0] + 1] if len(reach) else order
        self.rows, self.raw = rows, raw[rows]
        self.fraud, self.weight, self.account = v.label[rows] == 1, v.weight[rows], w.account[rows]

    def recall(self, level: float, total: tuple[float, float], times: np.ndarray | None = None) -> float:
        """Return the recall at the lowest threshold whose false positive rate is not above level."""
        weight = self.weight if times is None else self.weight * times[self.account]
        counted = weight > 0
        raw, weight, fraud = self.raw[counted], weight[counted], self.fraud[counted]
        return evaluate.at_fpr(raw, weight, np.zeros(len(raw)), fraud, (*total, 0.0), level)["recall"]


def recalls(
    candidate: np.ndarray, champion: np.ndarray, w: Window, levels: tuple[float, ...], replicates: int, seed: int
) -> list[Difference]:
    """Compare raw scores of two models on a window at several false positive rates."""
    v = w.rows
    sides = (Ranked(candidate, w), Ranked(champion, w))
    fraud = v.label == 1
    accounts = int(w.account.max()) + 1
    frauds = np.bincount(w.account[fraud], v.weight[fraud], accounts)
    others = np.bincount(w.account[~fraud], v.weight[~fraud], accounts)
    drawn: list[list[float]] = [[] for _ in levels]
    for replicate in range(replicates):
        times = bootstrap.draw(accounts, seed, replicate)
        total = (float((frauds * times).sum()), float((others * times).sum()))
        for gains, level in zip(drawn, levels, strict=True):
            gains.append(sides[0].recall(level, total, times) - sides[1].recall(level, total, times))
    whole = (float(frauds.sum()), float(others.sum()))
    out = []
    for gains, level in zip(drawn, levels, strict=True):
        ours, theirs = (s.recall(level, whole) for s in sides)
        out.append(Difference(level, ours, theirs, float(np.quantile(gains, 0.05)), float(np.std(gains))))
    return out


def expected(probability: np.ndarray, w: Window, rows: np.ndarray, replicates: int, seed: int) -> list[float]:
    """Return the frauds that probabilities promise over those that came, among some rows, with its 95 % interval."""
    v = w.rows
    accounts = int(w.account.max()) + 1
    promised = np.bincount(w.account[rows], (v.weight * probability)[rows], accounts)
    came = np.bincount(w.account[rows], (v.weight * v.label)[rows], accounts)
    ratios = []
    for replicate in range(replicates):
        times = bootstrap.draw(accounts, seed, replicate)
        ratios.append(evaluate.ratio((promised * times).sum(), (came * times).sum()))
    return [evaluate.ratio(promised.sum(), came.sum()), *bootstrap.interval(ratios)]


def threshold(raw: np.ndarray, w: Window, level: float) -> float:
    """Return the lowest threshold whose false positive rate is not above level."""
    return metrics.at_fpr(metrics.curve(raw, w.rows.label, w.rows.weight), level).threshold


def sign_test(better: int, worse: int) -> float:
    """Return how likely so many or more of the discordant pairs are worse if both models are equal."""
    n = better + worse
    return sum(math.comb(n, k) for k in range(worse, n + 1)) / 2**n
