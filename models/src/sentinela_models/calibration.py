"""Maps raw scores to probabilities: sigmoid(a·raw + b), rising, so it changes no order."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

SLOPE_BOUNDS, SHIFT_BOUND = (1e-3, 1e3), 50.0


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Coefficients as the manifest stores them."""

    type: str
    a: float
    b: float

    def probability(self, raw: np.ndarray) -> np.ndarray:
        """Return probabilities of raw scores."""
        return 1 / (1 + np.exp(-(self.a * np.asarray(raw) + self.b)))


IDENTITY = Calibration("sigmoid", 1.0, 0.0)


def fit_platt(raw: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Calibration:
    """Fit by Newton's method with Platt's smoothed targets; fall back to the model's own sigmoid when no fit is sane.

    Weights are how many payments a row stands for: a file sampled from legitimate payments gives the probability that
    the whole would. Platt's targets pretend one more fraud among the others. It weighs as a fraud does, or where frauds
    are boosted it would outweigh all of them.
    """
    positives, negatives = (label == 1).sum(), (label == 0).sum()
    relative = min(1.0, weight[label == 1].mean() / weight[label == 0].mean())
    target = np.where(label == 1, (positives + 1) / (positives + 2), relative / (negatives + 2))
    theta = np.array([1.0, 0.0])
    design = np.column_stack([raw, np.ones_like(raw)])
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(design @ theta, -500, 500)))
        gradient = design.T @ (weight * (p - target))
        hessian = design.T @ (design * (weight * p * (1 - p))[:, None]) + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        theta = theta - np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-12:
            break
    a, b = (float(v) for v in theta)
    if not (SLOPE_BOUNDS[0] <= a <= SLOPE_BOUNDS[1] and abs(b) <= SHIFT_BOUND):
        return IDENTITY
    return Calibration("platt", a, b)


def to_base_rate(c: Calibration, fitted_rate: float, base_rate: float) -> Calibration:
    """Shift to another share of fraud among payments; odds are multiplied, the order stays."""
    shift = math.log(base_rate / (1 - base_rate)) - math.log(fitted_rate / (1 - fitted_rate))
    return Calibration("platt", c.a, c.b + shift)
