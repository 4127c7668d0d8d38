"""Each check refuses what it is meant for, alone: one fact of an honest candidate is changed at a time."""

import dataclasses

import numpy as np
import pytest
from mlops_world import BOUNDS, gathered

from sentinela_mlops import compare, gate, profile


def judged(**change: object) -> gate.Report:
    return gate.judge(dataclasses.replace(gathered(), **change), BOUNDS)


def verdict(name: str, checks: list[gate.Check]) -> str:
    return next(c.verdict for c in checks if c.name == name)


def candidate(**change: object) -> gate.Side:
    return dataclasses.replace(gathered().candidate, **change)


def probable(probability: np.ndarray) -> dict:
    """Return a candidate with other probabilities, which Go gives, too."""
    e = gathered()
    served = np.column_stack([e.candidate.raw, probability])[-len(e.served) :]
    return {"candidate": candidate(probability=probability), "served": served}


def test_nothing_changed_passes():
    assert judged().failed == []


def test_files_that_are_not_those_that_were_registered():
    assert judged(candidate=candidate(stated_sha256="0" * 64)).failed == ["candidate artefact"]
    assert judged(candidate=candidate(refusal="no")).failed == ["candidate artefact"]


def test_rows_of_the_window_in_the_training():
    e = gathered()
    assert judged(overlap=1).failed == ["rows learnt by heart"]
    assert judged(candidate=candidate(fitted_until=e.begin)).failed == ["candidate learnt before"]
    late = dataclasses.replace(e.champion, fitted_until=e.begin)
    assert judged(champion=late).failed == ["champion learnt before"]


def test_training_rows_that_nobody_knows():
    unknown = dataclasses.replace(gathered().profile, features={})
    assert judged(profile=unknown).failed == ["training rows", "drift"]


def test_training_rows_twice_and_a_feature_that_tells_all():
    p = gathered().profile
    assert judged(profile=dataclasses.replace(p, repeated=1)).failed == ["repeated rows"]
    name, f = next(iter(p.features.items()))
    told = p.features | {name: dataclasses.replace(f, auc=0.98)}
    assert judged(profile=dataclasses.replace(p, features=told)).failed == ["leaking feature"]


def tilted(f: profile.Feature, column: np.ndarray, weight: np.ndarray, psi: float) -> profile.Feature:
    """Return a feature whose shares were such that the column's PSI is about so much."""
    for t in np.arange(0, 4, 0.01):
        shares = np.array(f.shares) * np.exp(t * np.linspace(-1, 1, len(f.shares)))
        out = dataclasses.replace(f, shares=(shares / shares.sum()).tolist())
        if profile.psi(out, column, weight) >= psi:
            return out
    raise AssertionError("no such tilt")


@pytest.mark.parametrize(("psi", "failed"), [(0.2, []), (0.3, ["drift of many"]), (0.6, ["drift", "drift of many"])])
def test_drift_of_one_feature_and_of_many(psi, failed):
    e, name = gathered(), "amount_brl"
    v = e.window.rows
    f = tilted(e.profile.features[name], v.x[:, v.features.index(name)], v.weight, psi)
    moved = dataclasses.replace(e.profile, features=e.profile.features | {name: f})
    assert judged(profile=moved).failed == failed


def test_a_feature_that_the_window_lacks():
    e = gathered()
    more = e.profile.features | {"unheard_of": e.profile.features["amount_brl"]}
    checks = judged(profile=dataclasses.replace(e.profile, features=more)).checks
    assert any(c.name == "drift" and "the window has no unheard_of" in c.detail for c in checks)


@pytest.mark.parametrize("factor", [0.2, 5])
def test_probabilities_of_all_payments(factor):
    assert "calibration" in judged(**probable(gathered().candidate.probability * factor)).failed


def test_probabilities_of_alerts_alone():
    e = gathered()
    p, w = e.candidate.probability, e.window.rows.weight
    alerts = e.candidate.raw >= compare.threshold(e.candidate.raw, e.window, 0.001)
    factor = 1 + 0.8 * (w * p)[alerts].sum() / (w * p)[~alerts].sum()
    assert judged(**probable(np.where(alerts, p / 5, p * factor))).failed == ["calibration of alerts"]


def test_a_calibration_that_the_window_cannot_tell():
    e = gathered()
    everything = np.ones(len(e.window.rows.label), dtype=bool)
    found, low, high = compare.expected(e.candidate.probability, e.window, everything, 300, 1)
    near = max(found, 1 / found) * 1.001
    assert low < 1 / near or high > near
    assert verdict("calibration", gate.calibration(e, gate.Bounds(expected=near))) == gate.INSUFFICIENT
    assert verdict("calibration", gate.calibration(e, gate.Bounds(expected=near / 1.01))) == gate.REFUSED


@pytest.mark.parametrize(("missed", "says"), [(2, gate.PASSED), (3, gate.PASSED), (9, gate.REFUSED)])
def test_a_kind_of_fraud_is_forgotten_where_chance_does_not_explain_it(missed, says):
    """Three of ten lost is more than a quarter, and happens to equal models."""
    e = gathered()
    theirs = e.champion.raw >= compare.threshold(e.champion.raw, e.window, 0.001)
    ours = e.candidate.raw >= compare.threshold(e.candidate.raw, e.window, 0.001)
    rare = np.flatnonzero(theirs & ours & (e.window.rows.label == 1))[:10]
    kinds, raw = e.window.rows.typology.astype("<U20"), e.candidate.raw.copy()
    kinds[rare], raw[rare[:missed]] = "rare", -20
    rows = dataclasses.replace(e.window.rows, typology=kinds)
    changed = dataclasses.replace(e, window=dataclasses.replace(e.window, rows=rows), candidate=candidate(raw=raw))
    assert verdict("typologies", gate.typologies(changed, gate.Bounds())) == says


def test_frauds_of_kinds_too_rare_to_be_judged():
    checks = gate.typologies(gathered(), gate.Bounds(typology_frauds=10**6))
    assert verdict("frauds of judged typologies", checks) == gate.INSUFFICIENT


def test_scores_of_other_rows_are_no_parity():
    e = gathered()
    twice = np.concatenate([e.served, e.served, e.served])
    check = next(c for c in judged(served=twice).checks if c.name == "parity of Go and Python")
    assert check.verdict == gate.REFUSED and check.figure is None


def test_a_report_fails_for_any_verdict_that_it_does_not_know():
    check = gate.Check("x", None, "", "warning", "")
    assert gate.Report("a", "", "b", "", {}, "", "", [check]).verdict == gate.REFUSED
