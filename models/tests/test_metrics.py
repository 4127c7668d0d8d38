"""Measures against values worked out by hand."""

import numpy as np
import pytest

from sentinela_models import calibration, metrics

# Scores from the highest: fraud, legitimate, a tie of both, fraud, three legitimate.
SCORE = np.array([0.9, 0.8, 0.7, 0.7, 0.6, 0.3, 0.2, 0.1])
LABEL = np.array([1, 0, 1, 0, 1, 0, 0, 0])
ONE = np.ones(8)


def test_average_precision():
    # Steps: (1/3)·1 at 0.9, (1/3)·(2/4) at 0.7, (1/3)·(3/5) at 0.6.
    assert metrics.average_precision(metrics.curve(SCORE, LABEL, ONE)) == pytest.approx((1 + 0.5 + 0.6) / 3)


def test_auc_counts_ties_half():
    # Of 15 pairs: 0.9 wins 5, 0.7 wins 3 and ties 1, 0.6 wins 3.
    assert metrics.auc(metrics.curve(SCORE, LABEL, ONE)) == pytest.approx((5 + 3.5 + 3) / 15)


@pytest.mark.parametrize(
    ("level", "threshold", "recall", "precision"),
    [(0.19, 0.9, 1 / 3, 1.0), (0.2, 0.8, 1 / 3, 0.5), (0.4, 0.6, 1.0, 0.6), (0.99, 0.2, 1.0, 3 / 7)],
)
def test_operating_points(level, threshold, recall, precision):
    p = metrics.at_fpr(metrics.curve(SCORE, LABEL, ONE), level)
    assert (p.threshold, p.recall, p.precision) == pytest.approx((threshold, recall, precision))


def test_no_threshold_is_strict_enough():
    p = metrics.at_fpr(metrics.curve(np.array([1.0, 0.5]), np.array([0, 1]), np.ones(2)), 0.1)
    assert p.threshold > 1.0
    assert (p.recall, p.precision) == (0.0, 0.0)


def test_weights_stand_for_rows():
    """A row of weight 3 measures as three rows."""
    weight = np.array([3, 1, 2, 5, 1, 1, 4, 2])
    weighted = metrics.curve(SCORE, LABEL, weight.astype(float))
    repeated = metrics.curve(np.repeat(SCORE, weight), np.repeat(LABEL, weight), np.ones(weight.sum()))
    assert metrics.average_precision(weighted) == pytest.approx(metrics.average_precision(repeated))
    assert metrics.auc(weighted) == pytest.approx(metrics.auc(repeated))
    assert metrics.at_fpr(weighted, 0.5) == metrics.at_fpr(repeated, 0.5)


def test_recall_by_typology():
    typology = np.array(["a", "", "a", "", "b", "", "", ""])
    assert metrics.recall_by_typology(SCORE, LABEL, typology, 0.7) == {"a": 1.0, "b": 0.0}


def test_platt_finds_the_true_map():
    rng = np.random.default_rng(2)
    raw = rng.normal(-2, 2, 200_000)
    label = (rng.random(len(raw)) < 1 / (1 + np.exp(-(0.7 * raw - 0.5)))).astype(int)
    c = calibration.fit_platt(raw, label, np.ones(len(raw)))
    assert (c.a, c.b) == pytest.approx((0.7, -0.5), abs=0.03)


def test_platt_undoes_sampling():
    """Frauds boosted tenfold weigh a tenth: odds fall tenfold."""
    rng = np.random.default_rng(3)
    raw = rng.normal(-1, 2, 200_000)
    label = (rng.random(len(raw)) < 1 / (1 + np.exp(-raw))).astype(int)
    c = calibration.fit_platt(raw, label, np.where(label == 1, 0.1, 1.0))
    assert (c.a, c.b) == pytest.approx((1.0, -np.log(10)), abs=0.05)


def test_platt_pretends_no_fraud_that_outweighs_those_that_are_there():
    """Frauds boosted ten-thousandfold among few rows: one more of full weight would be most of what is promised."""
    rng = np.random.default_rng(3)
    raw = rng.normal(-3, 2, 5000)
    label = (rng.random(len(raw)) < 1 / (1 + np.exp(-raw))).astype(int)
    weight = np.where(label == 1, 1e-4, 1.0)
    promised = calibration.fit_platt(raw, label, weight).probability(raw)
    assert (weight * promised).sum() == pytest.approx((weight * label).sum(), rel=0.05)


def test_platt_falls_back_when_scores_say_nothing():
    raw = np.linspace(-1, 1, 1000)
    label = (raw < 0).astype(int)  # upside down
    assert calibration.fit_platt(raw, label, np.ones(1000)) == calibration.IDENTITY


def test_base_rate_multiplies_odds():
    c = calibration.to_base_rate(calibration.IDENTITY, 0.5, 0.1)
    assert c.probability(0.0) == pytest.approx(0.1)
