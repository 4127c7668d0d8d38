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
POWER_80 = 0.8416212335729143  # 80 % of it
HEAD = 0.03  # share of legitimate payments that a replicate can reach at the levels that are asked for


@dataclasses.dataclass(frozen=True)
class Margin:
    """How much recall may be lost at one false positive rate: a share of the champion's, or the floor if it is more."""

    level: float
    share: float
    floor: float

    def of(self, recall: np.ndarray) -> np.ndarray:
        """Return what a champion of such recall may lose, as a share of the frauds."""
        return np.maximum(self.floor, self.share * recall)


@dataclasses.dataclass(frozen=True)
class Difference:
    """Recall of the candidate less that of the champion at one false positive rate."""

    margin: Margin
    candidate: float
    champion: float
    champion_at_most: float  # upper end of the one-sided 95 % interval of the champion's recall
    flagged: float  # legitimate payments that may be above the threshold, those of small weight counting less
    lower: float  # of the one-sided 95 % interval of what is left of the margin: difference + margin
    error: float  # standard error of that

    @property
    def gain(self) -> float:
        """Return what the candidate finds more, as a share of the frauds."""
        return self.candidate - self.champion

    @property
    def allowed(self) -> float:
        """Return what may be lost, as a share of the frauds."""
        return float(self.margin.of(np.array(self.champion)))

    @property
    def left(self) -> float:
        """Return what is left of the margin in the whole window."""
        return self.gain + self.allowed

    @property
    def empty(self) -> bool:
        """Tell whether nobody could fail: the champion finds less than may be lost, and nor is the candidate better."""
        return self.champion_at_most <= self.margin.floor and self.lower <= self.margin.floor

    @property
    def power(self) -> float:
        """Return how likely a candidate that is exactly as good is let through, given the frauds of this window."""
        if self.error == 0:
            return 1.0
        return 0.5 * math.erfc((ONE_SIDED - self.allowed / self.error) / math.sqrt(2))

    def needed(self, frauds: int) -> int:
        """Return how many frauds a window needs for a power of 80 %."""
        return math.ceil(frauds * ((ONE_SIDED + POWER_80) * self.error / self.allowed) ** 2)


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
    candidate: np.ndarray, champion: np.ndarray, w: Window, margins: tuple[Margin, ...], replicates: int, seed: int
) -> list[Difference]:
    """Compare raw scores of two models on a window at several false positive rates.

    The margin is taken of the champion's recall in each replicate: how much that recall varies counts, too.
    """
    v = w.rows
    sides = (Ranked(candidate, w), Ranked(champion, w))
    fraud = v.label == 1
    accounts = int(w.account.max()) + 1
    frauds = np.bincount(w.account[fraud], v.weight[fraud], accounts)
    others = np.bincount(w.account[~fraud], v.weight[~fraud], accounts)
    drawn = np.empty((len(margins), replicates, 2))
    for replicate in range(replicates):
        times = bootstrap.draw(accounts, seed, replicate)
        total = (float((frauds * times).sum()), float((others * times).sum()))
        for i, margin in enumerate(margins):
            drawn[i, replicate] = [s.recall(margin.level, total, times) for s in sides]
    whole = (float(frauds.sum()), float(others.sum()))
    out = []
    for margin, (ours, theirs) in zip(margins, drawn.transpose(0, 2, 1), strict=True):
        left = ours - theirs + margin.of(theirs)
        most, least = float(np.quantile(theirs, 0.95)), float(np.quantile(left, 0.05))
        found = [s.recall(margin.level, whole) for s in sides]
        flagged = margin.level * others.sum() ** 2 / float((v.weight[~fraud] ** 2).sum())
        out.append(Difference(margin, *found, most, flagged, least, float(np.std(left))))
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
