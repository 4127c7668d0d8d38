"""What recall may be lost, at each false positive rate, against what the champion finds there."""

import dataclasses

import numpy as np
import pytest
from mlops_world import CONTRACT, gathered

from sentinela_mlops import cli, compare, gate, gold
from sentinela_models.errors import Refused
from sentinela_models.vectors import Vectors

OTHERS, FRAUDS = 60_000, 2000
AT = {
    0.0001: 2.0,
    0.0005: 0.99975,
    0.001: 0.99932,
}  # a score that is above the threshold of this rate and those above it
RATES = (0.001, 0.0005, 0.0001)
STRONG = {0.0001: 0.2, 0.0005: 0.3, 0.001: 0.4}
WEAK = {0.0001: 0.06, 0.0005: 0.26, 0.001: 0.4}  # at 0.01 % below what was a margin of eight points


def window(frauds: int = FRAUDS) -> gold.Window:
    """Return a window in which every payment is another account's."""
    n = OTHERS + frauds
    label = (np.arange(n) >= OTHERS).astype(np.int8)
    ids, none = np.arange(n).astype(str), np.full(n, np.nan)
    rows = Vectors(CONTRACT.features, np.empty((n, 0)), label, np.ones(n), np.arange(n), ids, none, ids)
    return gold.Window(rows, np.arange(n), None)


def scores(found: dict[float, float], frauds: int = FRAUDS, first: int = 0) -> np.ndarray:
    """Return scores by which such a recall is reached at each rate; `first` frauds are found by nobody."""
    others = np.random.default_rng(3).permutation(OTHERS) / OTHERS
    raw, done = np.zeros(frauds), 0
    for rate, recall in sorted(found.items()):
        until = round(recall * frauds)
        raw[done:until], done = AT[rate], max(until, done)
    return np.concatenate([others, np.roll(raw, first)])


def judged(candidate: np.ndarray, champion: np.ndarray, frauds: int = FRAUDS) -> list[gate.Check]:
    """Judge the recall alone."""
    e = gathered()
    sides = {
        n: dataclasses.replace(getattr(e, n), raw=raw) for n, raw in (("candidate", candidate), ("champion", champion))
    }
    return gate.recall(dataclasses.replace(e, window=window(frauds), **sides), gate.Bounds(replicates=60))


@pytest.mark.parametrize(
    ("champion", "candidate", "refused_at"),
    [
        (STRONG, STRONG, []),
        (WEAK, WEAK, []),
        (WEAK, WEAK | {0.0001: 0.0}, [0.0001]),  # all of it, and yet less than eight points
        (WEAK, WEAK | {0.0001: 0.04}, [0.0001]),
        (WEAK, WEAK | {0.0001: 0.055}, []),
        (STRONG, STRONG | {0.0001: 0.14}, [0.0001]),
        (STRONG, STRONG | {0.0005: 0.24}, [0.0005]),
        (STRONG, STRONG | {0.001: 0.35}, [0.001]),
        (STRONG, STRONG | {0.001: 0.385}, []),
        ({r: STRONG[r] / 4 for r in RATES}, {r: STRONG[r] / 6 for r in RATES}, list(RATES)),
    ],
)
def test_a_loss_is_held_to_what_the_champion_finds(champion, candidate, refused_at):
    checks = judged(scores(candidate), scores(champion))
    failed = [rate for rate, c in zip(RATES, checks, strict=True) if c.verdict != gate.PASSED]
    assert failed == sorted(refused_at, reverse=True), checks


def test_a_rate_at_which_the_champion_finds_nothing_is_told_and_not_judged():
    weak = WEAK | {0.0001: 0.0}
    *judged_, last = judged(scores(weak), scores(weak))
    assert [c.verdict for c in judged_] == [gate.PASSED, gate.PASSED]
    assert last.verdict == gate.NOTHING and last.detail.startswith("no power here")
    report = gate.Report("a", "", "b", "", {}, "", "", [*judged_, last])
    assert report.verdict == gate.PASSED and report.failed == []
    lost = judged(scores({0.001: 0.3}), scores(weak))
    assert [c.verdict for c in lost] == [gate.REFUSED, gate.REFUSED, gate.NOTHING]


def test_a_champion_that_finds_nothing_anywhere_is_no_measure_but_can_be_beaten():
    nothing = dict.fromkeys(RATES, 0.0)
    checks = judged(scores(nothing), scores(nothing))
    assert {c.verdict for c in checks} == {gate.INSUFFICIENT} and "nothing was compared" in checks[0].detail
    assert {c.verdict for c in judged(scores(STRONG), scores(nothing))} == {gate.PASSED}


def test_a_champion_that_may_find_something_is_not_taken_for_one_that_does_not():
    """Three frauds of 300: the upper end is above the point that may be lost, so the data cannot tell."""
    few = dict.fromkeys(RATES, 0.01)
    checks = judged(scores(few, 300), scores(few, 300, first=3), 300)
    assert {c.verdict for c in checks} == {gate.INSUFFICIENT}
    assert not any("no power here" in c.detail for c in checks)


def test_a_window_that_cannot_tell_says_how_many_frauds_would():
    """Each model finds other frauds, as many: equal, but few windows would show it."""
    few = {0.001: 0.4}
    check = judged(scores(few, 300), scores(few, 300, first=120), 300)[0]
    assert check.verdict == gate.INSUFFICIENT and "would do: take a longer window" in check.detail
    worse = judged(scores({0.001: 0.2}, 300), scores(few, 300, first=120), 300)[0]
    assert worse.verdict == gate.REFUSED


def test_a_rate_that_too_few_payments_place_is_refused_unless_it_is_left_out():
    """Of 60,000 legitimate payments six may be above the threshold of 0.01 %, of as many that weigh a half fewer."""
    e, w = gathered(), window()
    half = np.where(w.rows.label == 1, 1.0, np.where(np.arange(len(w.account)) % 4 == 0, 1.0, 1e-3))
    w = dataclasses.replace(w, rows=dataclasses.replace(w.rows, weight=half))
    side = dataclasses.replace(e.candidate, raw=scores(STRONG))
    e = dataclasses.replace(e, window=w, candidate=side, champion=side)
    last = gate.recall(e, gate.Bounds(replicates=50))[-1]
    assert last.verdict == gate.INSUFFICIENT and "50000 legitimate payments place it" in last.detail
    checks = gate.recall(e, gate.Bounds(replicates=50, left_out=(0.0001,)))
    assert [c.verdict for c in checks] == [gate.PASSED, gate.PASSED, gate.LEFT_OUT]
    assert gate.Report("a", "", "b", "", {}, "", "", checks).verdict == gate.PASSED


def test_the_first_rate_is_never_left_out():
    assert cli.bounds("").left_out == () and cli.bounds("0.0001,0.0005").left_out == (0.0001, 0.0005)
    for text in ("0.001", "0.0001,0.001", "x"):
        with pytest.raises(Refused, match=r"0\.001 is always judged"):
            cli.bounds(text)


def test_frauds_that_a_power_needs_give_it():
    d = compare.Difference(compare.Margin(0.001, 0.1, 0.01), 0.4, 0.4, 0.5, 60, -0.04, 0.05)
    needed = d.needed(300)
    bigger = dataclasses.replace(d, error=d.error * (300 / needed) ** 0.5)
    assert d.allowed == pytest.approx(0.04) and d.power < 0.3 and bigger.power == pytest.approx(0.8, abs=0.001)
    assert dataclasses.replace(d, champion=0.05).allowed == 0.01
