"""Measures for rare fraud. Every row counts as its weight, so that a sampled file is measured as the whole would be."""

from __future__ import annotations

import dataclasses

import numpy as np

FPR_LEVELS = (0.005, 0.001, 0.0005, 0.0001)


@dataclasses.dataclass(frozen=True)
class OperatingPoint:
    """What alerting on score >= threshold gives."""

    fpr: float  # the level that was asked for; the measured rate is at most this
    threshold: float
    recall: float
    precision: float


@dataclasses.dataclass(frozen=True)
class Curve:
    """Weights of frauds and of legitimate payments at or above each distinct score, from the highest down."""

    score: np.ndarray
    true: np.ndarray
    false: np.ndarray


def curve(score: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Curve:
    """Sum up from the highest score down; rows with one score form one step."""
    order = np.argsort(-score, kind="stable")
    score, label, weight = score[order], label[order], weight[order]
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    return Curve(score[last], np.cumsum(weight * label)[last], np.cumsum(weight * (1 - label))[last])


def at_fpr(c: Curve, level: float) -> OperatingPoint:
    """Return the lowest threshold whose false positive rate is not above level."""
    allowed = np.flatnonzero(c.false <= level * c.false[-1])
    if len(allowed) == 0:
        return OperatingPoint(level, float(np.nextafter(c.score[0], np.inf)), 0.0, 0.0)
    i = allowed[-1]
    flagged = c.true[i] + c.false[i]
    return OperatingPoint(level, float(c.score[i]), float(c.true[i] / c.true[-1]), float(c.true[i] / flagged))


def average_precision(c: Curve) -> float:
    """Sum precision over the steps in recall."""
    gained = np.diff(c.true, prepend=0.0) / c.true[-1]
    return float((gained * c.true / (c.true + c.false)).sum())


def auc(c: Curve) -> float:
    """Return the area under the ROC curve, by trapezoids, so that ties count one half."""
    true, false = np.append(0.0, c.true) / c.true[-1], np.append(0.0, c.false) / c.false[-1]
    return float((np.diff(false) * (true[1:] + true[:-1]) / 2).sum())


def recall_by_typology(
    score: np.ndarray, label: np.ndarray, typology: np.ndarray, threshold: float
) -> dict[str, float]:
    """Return the share of each typology's frauds at or above the threshold, rows counted one each."""
    fraud = label == 1
    return {
        str(name): float((score[fraud & (typology == name)] >= threshold).mean()) for name in np.unique(typology[fraud])
    }
