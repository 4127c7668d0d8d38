"""Covering vectors: complete, and noticing every change of a tree that a score depends on."""

import dataclasses
import math
import re

import lightgbm as lgb
import numpy as np
import pytest

from sentinela_models import coverage, fixtures, trees
from sentinela_models.trees import ABOVE_ZERO, BELOW_ZERO, NEAR_ZERO, Reach, only

KINDS = sorted(set(fixtures.KINDS) - fixtures.REFUSED)


@pytest.fixture(scope="module", params=KINDS)
def covered(request) -> tuple[str, np.ndarray]:
    """Train a small model of each kind and cover it."""
    text, x, _ = fixtures.train(request.param)
    return text, coverage.covering(text, x[:50], 1)


def test_covering_is_complete_and_repeatable(covered):
    text, rows = covered
    assert coverage.covers(text, rows)
    assert len(rows) <= max(25, coverage.probes(text) / 4)  # one vector serves many splits, where there are many
    again = coverage.covering(text, np.zeros((1, rows.shape[1])), 1)
    assert coverage.covers(text, again)


def test_no_vector_is_for_nothing_at_the_end(covered):
    text, rows = covered
    if len(rows) > 1:
        assert not coverage.covers(text, rows[:-1])
    assert not coverage.covers(text, rows[:0])


def test_walk_is_lightgbms(covered):
    text, rows = covered
    values = [float(v) for line in re.findall(r"^leaf_value=(.*)$", text, re.M) for v in line.split()]
    first = np.cumsum([0, *(int(n) for n in re.findall(r"^num_leaves=(\d+)$", text, re.M))])
    model = trees.parse(text)
    sums = [sum(values[first[i] + ~list(trees.walk(t, list(row)))[-1]] for i, t in enumerate(model)) for row in rows]
    raw = np.asarray(lgb.Booster(model_str=text).predict(rows, raw_score=True))
    np.testing.assert_allclose(np.broadcast_to(raw, len(rows)), sums, atol=1e-12)


def test_any_step_of_a_threshold_is_noticed(covered):
    text, rows = covered
    lists = [[float(v) for v in row] for row in rows]
    rng = np.random.default_rng(5)
    model = [splits for splits in trees.parse(text) if splits]
    for _ in range(40 if model else 0):
        splits = model[rng.integers(len(model))]
        at = int(rng.integers(len(splits)))
        kept = splits[at]
        to = math.inf if rng.random() < 0.5 else -math.inf
        splits[at] = dataclasses.replace(kept, threshold=trees.flushed(math.nextafter(kept.threshold, to)))
        moved = coverage.Tree(splits)
        for row in lists:
            moved.meet(row)
        assert moved.open or splits[at] == kept
        splits[at] = kept


def test_reach():
    everything, nothing = Reach(), Reach(1, -1, nan=False, zero=False)
    assert everything.also(nothing).empty()
    assert not everything.empty()
    band = Reach(-NEAR_ZERO, NEAR_ZERO, nan=False, zero=False)
    assert band.empty()  # what lies between is zero, and zero does not get there
    for v in (math.nan, 0.0, -0.0, 5e-324, NEAR_ZERO, 1.0, -2.5, math.inf, BELOW_ZERO, ABOVE_ZERO):
        assert only(v).has(v)
        assert not only(v).empty()
        assert only(v).has(only(v).pick())
        assert everything.has(v)
        assert not nothing.has(v)


def test_pick_stays_within():
    rng = np.random.default_rng(3)
    for _ in range(2000):
        ends = sorted(float(v) for v in rng.choice([-1.0, 1.0], 2) * 10.0 ** rng.integers(-40, 40, 2))
        r = Reach(ends[0], ends[1] if rng.random() < 0.8 else math.nextafter(ends[0], math.inf), False, False)
        if not r.empty():
            assert r.has(r.pick()), r


def test_zero_as_missing_skips_the_band():
    split = trees.split_of(0, 0.0, 1 << 2, -1, -2)  # zero is missing and goes right
    assert (split.last_left(), split.first_right()) == (BELOW_ZERO, ABOVE_ZERO)
    assert not split.goes_left(0.0)
    assert not split.goes_left(math.nan)
    assert split.goes_left(BELOW_ZERO)
    assert math.isnan(trees.split_of(0, math.inf, 2 << 2, -1, -2).first_right())
