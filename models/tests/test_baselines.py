"""Rules, logistic regression and constraints: they fire where they say, and know the contract's features."""

import dataclasses
import json
import math
import pathlib

import numpy as np
import pytest

from sentinela_models import constraints, logistic, rules, vectors

CONTRACT = pathlib.Path(__file__).parents[1] / "contract" / "features.json"


def names() -> list[str]:
    return [f["name"] for f in json.loads(CONTRACT.read_text())["features"]]


def test_constraints_name_features_of_the_contract():
    assert set(constraints.CONSTRAINTS) <= set(names())
    assert all(sign in (-1, 1) and reason for sign, reason in constraints.CONSTRAINTS.values())
    assert constraints.signs(["night", "dict_mule_markers", "pair_trusted"]) == [0, 1, -1]


def test_rules_name_features_of_the_contract():
    features = names()
    assert (rules.points(features, np.full((3, len(features)), np.nan)) == 0).all()


@pytest.mark.parametrize(
    ("values", "want"),
    [
        ({"dict_mule_markers": 1}, 4),
        ({"dict_mule_markers": math.nan, "dict_scammer_markers": 0}, 0),
        ({"device_remote_access": 1, "pair_count_30d": 0}, 4),
        ({"device_remote_access": 1, "pair_count_30d": 0, "pair_trusted": 1}, 0),
        ({"device_remote_access": 1, "pair_count_30d": 2}, 0),
        ({"payer_out_count_1h": 4, "payer_out_payees_1h": 3, "payer_near_limit_count_24h": 3}, 4),
        ({"payee_in_payers_1h": 5, "payee_company": 0, "payee_account_age_days": 10}, 3),
        ({"payee_in_payers_1h": 5, "payee_company": 1, "payee_account_age_days": 10}, 0),
    ],
)
def test_points(values, want):
    features = names()
    x = np.full((1, len(features)), np.nan)
    for name, value in values.items():
        x[0, features.index(name)] = value
    assert rules.points(features, x)[0] == want


def test_odds_rise_with_points():
    total = np.repeat([0.0, 4.0, 9.0], [10_000, 100, 10])
    label = np.concatenate([np.zeros(10_000), np.arange(100) < 5, np.arange(10) < 4]).astype(int)
    odds = rules.fit_odds(total, label, np.ones(len(total)))
    got = odds.of(np.array([0, 4, 6, 9, 30]))
    assert (np.diff(got) >= 0).all()
    assert got[1] == pytest.approx(0.05, abs=0.01)
    assert got[3] == pytest.approx(0.36, abs=0.05)


def sample(rows: int, seed: int) -> vectors.Vectors:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.exponential(100, rows), rng.normal(size=rows), rng.normal(size=rows)])
    missing = rng.random(rows) < 0.2
    logit = 1.5 * np.log1p(x[:, 0]) - 8 + 1.0 * missing
    x[missing, 1] = np.nan
    label = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    none = np.zeros(rows)
    return vectors.Vectors(["a", "b", "c"], x, label, np.ones(rows), none, none.astype(str), none, none.astype(str))


def test_logistic_finds_the_true_map():
    model = logistic.fit(sample(60_000, 1), sample(20_000, 2))
    x = sample(20_000, 3).x
    truth = 1.5 * np.log1p(x[:, 0]) - 8 + 1.0 * np.isnan(x[:, 1])
    assert np.abs(model.raw(x) - truth).mean() < 0.15


def test_thin_keeps_frauds_and_totals():
    v = sample(5000, 4)
    thin = v.thin(1000, 1)
    assert thin.label.sum() == v.label.sum()
    assert (thin.label == 0).sum() == 1000
    assert thin.weight.sum() == pytest.approx(v.weight.sum())
    assert v.thin(10_000, 1) is v


def test_a_false_report_does_not_outweigh_the_frauds():
    v = sample(5000, 5)
    frauds = np.flatnonzero(v.label == 1)
    weight = np.where(v.label == 1, 0.003, 1.0)
    weight[frauds[0]] = 1.0  # a false report in a world with boosted fraud
    levelled = dataclasses.replace(v, weight=weight).levelled()
    assert levelled.weight[frauds].max() == pytest.approx(0.003)
    assert (levelled.weight[v.label == 0] == 1).all()
