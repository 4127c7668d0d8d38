"""The logistic baseline: what a careful analyst gets from the same features without trees.

Heavy tails are tamed by sign(x)·log(1+|x|), columns are standardised, a missing value becomes the mean and sets an
indicator, and the L2 penalty and the weight of a row (what it stands for, or the square root of that) are chosen on the
validation slice.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from scipy import optimize

from sentinela_models import metrics

PENALTIES = (1e-4, 1e-5, 1e-6)
POWERS = (1.0, 0.5)  # of the sampling weight
MISSING_SHARE = 0.001  # an indicator is worth having from this share of missing values on
CLIP = 8.0  # standard deviations


@dataclasses.dataclass(frozen=True)
class Logistic:
    """A fitted logistic regression over raw feature vectors."""

    mean: np.ndarray
    deviation: np.ndarray
    indicators: np.ndarray  # columns whose being missing is a column
    weights: np.ndarray  # the last is the intercept

    def design(self, x: np.ndarray) -> np.ndarray:
        """Return the columns that the weights multiply."""
        missing = np.isnan(x)
        tamed = np.sign(x) * np.log1p(np.abs(x))
        scaled = np.clip((tamed - self.mean) / self.deviation, -CLIP, CLIP)
        columns = [np.where(missing, 0.0, scaled), missing[:, self.indicators], np.ones((len(x), 1))]
        return np.hstack(columns).astype(np.float32)

    def raw(self, x: np.ndarray) -> np.ndarray:
        """Return log-odds."""
        return (self.design(x) @ self.weights.astype(np.float32)).astype(float)


def fit(training, validation) -> Logistic:
    """Fit on the training slice with the penalty and the weights that do best on the validation slice."""
    x = training.x
    tamed = np.sign(x) * np.log1p(np.abs(x))
    missing = np.isnan(x)
    seen = np.maximum((~missing).sum(axis=0), 1)
    mean = np.nansum(tamed, axis=0) / seen
    deviation = np.sqrt(np.nansum((tamed - mean) ** 2, axis=0) / seen)
    indicators = np.flatnonzero(missing.mean(axis=0) > MISSING_SHARE)
    empty = Logistic(mean, np.where(deviation > 0, deviation, 1.0), indicators, np.zeros(0))
    design, later = empty.design(x), empty.design(validation.x)
    best, weights = -1.0, np.zeros(design.shape[1])
    for power, penalty in itertools.product(POWERS, PENALTIES):
        weights = minimise((design, training.label, training.weight**power), penalty, weights)
        curve = metrics.curve((later @ weights.astype(np.float32)).astype(float), validation.label, validation.weight)
        if (got := metrics.average_precision(curve)) > best:
            best, chosen = got, weights
    return dataclasses.replace(empty, weights=chosen)


def minimise(rows: tuple, penalty: float, start: np.ndarray) -> np.ndarray:
    """Minimise the mean logistic loss with an L2 penalty on everything but the intercept."""
    design, y, share = rows[0], rows[1].astype(np.float32), (rows[2] / rows[2].sum()).astype(np.float32)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        z = design @ weights.astype(np.float32)
        p = 1 / (1 + np.exp(-z))
        free = np.append(weights[:-1], 0.0)
        value = float(np.dot(share, np.logaddexp(0, z) - y * z)) + penalty / 2 * float(free @ free)
        return value, (design.T @ ((p - y) * share)).astype(float) + penalty * free

    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 150})
    return found.x
