"""Reads LightGBM's text into trees and says which values take which way: the exporter's own reading of a model.

It is written apart from the scorer's (shared/scoring in Go) on purpose: the scorer checks what comes out of here.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

NEAR_ZERO = float(np.float32(1e-35))  # LightGBM's kZeroThreshold: values within it are one value, zero
BELOW_ZERO, ABOVE_ZERO = math.nextafter(-NEAR_ZERO, -math.inf), math.nextafter(NEAR_ZERO, math.inf)
DEFAULT_LEFT, MISSING_ZERO, MISSING_NAN = 2, 1, 2


class Reach(NamedTuple):
    """Which values of one feature get to a place: low to high but for zero, and zero and NaN each by itself."""

    low: float = -math.inf
    high: float = math.inf
    nan: bool = True
    zero: bool = True

    def empty(self) -> bool:
        """Tell whether nothing gets there."""
        return not (self.nan or self.zero or self.compared())

    def compared(self) -> bool:
        """Tell whether a value other than zero and NaN gets there."""
        return self.low <= self.high and not (self.low >= -NEAR_ZERO and self.high <= NEAR_ZERO)

    def has(self, v: float) -> bool:
        """Tell whether a value gets there."""
        if math.isnan(v):
            return self.nan
        return self.zero if -NEAR_ZERO <= v <= NEAR_ZERO else self.low <= v <= self.high

    def also(self, o: Reach) -> Reach:
        """Return what is in both."""
        return Reach(max(self.low, o.low), min(self.high, o.high), self.nan and o.nan, self.zero and o.zero)

    def pick(self) -> float:
        """Return a value that gets there, written with few digits where there is room."""
        if self.zero:
            return 0.0
        if not self.compared():
            return math.nan
        low = ABOVE_ZERO if -NEAR_ZERO <= self.low <= NEAR_ZERO else self.low
        high = BELOW_ZERO if -NEAR_ZERO <= self.high <= NEAR_ZERO else self.high
        if low < 0 < high:
            low = ABOVE_ZERO
        middle = low / 2 + high / 2 if math.isfinite(low) and math.isfinite(high) else math.nan
        for v in (float(f"{middle:.3g}"), float(f"{middle:.6g}"), middle, high, low):
            if low <= v <= high and math.isfinite(v):
                return v
        return high


ANYTHING = Reach()


def only(v: float) -> Reach:
    """Return the reach of a single value."""
    if math.isnan(v):
        return Reach(math.inf, -math.inf, nan=True, zero=False)
    if -NEAR_ZERO <= v <= NEAR_ZERO:
        return Reach(math.inf, -math.inf, nan=False, zero=True)
    return Reach(v, v, nan=False, zero=False)


@dataclasses.dataclass(slots=True)
class Split:
    """One split. A child is the number of a split, or ~leaf."""

    feature: int
    threshold: float
    nan_left: bool
    zero_missing: bool
    zero_left: bool
    left: int
    right: int

    def goes_left(self, v: float) -> bool:
        """Decide as LightGBM does."""
        if math.isnan(v):
            return self.nan_left
        if -NEAR_ZERO <= v <= NEAR_ZERO:
            return self.zero_left
        return v <= self.threshold

    def last_left(self) -> float:
        """Return the largest value that is compared and goes left."""
        if self.zero_missing and self.threshold == NEAR_ZERO:
            return BELOW_ZERO
        return self.threshold

    def first_right(self) -> float:
        """Return the smallest value that is compared and goes right, NaN where there is none."""
        after = math.nextafter(self.threshold, math.inf)
        if after == self.threshold:
            return math.nan
        return ABOVE_ZERO if self.zero_missing and after == -NEAR_ZERO else after

    def probes(self) -> tuple[float, ...]:
        """Return the values that together tell this split from every other on the same feature."""
        edges = [v for v in (self.last_left(), self.first_right()) if not math.isnan(v)]
        return (math.nan, 0.0, *edges)

    def below(self, r: Reach, left: bool) -> Reach:
        """Return what of a reach takes one side."""
        low, high, first = r.low, r.high, self.first_right()
        if left:
            high = min(high, self.last_left())
        elif math.isnan(first):
            low, high = math.inf, -math.inf
        else:
            low = max(low, first)
        return Reach(low, high, r.nan and self.nan_left == left, r.zero and self.zero_left == left)


def flushed(threshold: float) -> float:
    """Move a threshold within the zero band to the end of it on whose side zero falls."""
    if 0 <= threshold < NEAR_ZERO:
        return NEAR_ZERO
    return BELOW_ZERO if -NEAR_ZERO <= threshold < 0 else threshold


def split_of(feature: int, threshold: float, decision: int, left: int, right: int) -> Split:
    """Read LightGBM's decision_type: NaN is zero unless it is the missing value, and what is missing goes one way."""
    threshold, default_left, missing = flushed(threshold), bool(decision & DEFAULT_LEFT), decision >> 2
    zero_left = default_left if missing == MISSING_ZERO else threshold >= 0
    nan_left = default_left if missing == MISSING_NAN else zero_left
    return Split(feature, threshold, nan_left, missing == MISSING_ZERO, zero_left, left, right)


def parse(model_text: str) -> list[list[Split]]:
    """Return the splits of every tree; a tree of one leaf has none."""
    trees = []
    for block in re.split(r"^Tree=\d+$", model_text, flags=re.M)[1:]:
        column = {k: v.split() for k, v in re.findall(r"^(\w+)=(.*)$", block, re.M)}
        names = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
        rows = zip(*(column.get(name, []) for name in names), strict=True)
        trees.append([split_of(int(f), float(t), int(d), int(a), int(b)) for f, t, d, a, b in rows])
    return trees


def walk(tree: list[Split], row: list[float]) -> Iterator[int]:
    """Yield every split that a row meets, then ~leaf."""
    at = 0 if tree else -1
    while at >= 0:
        yield at
        s = tree[at]
        at = s.left if s.goes_left(row[s.feature]) else s.right
    yield at


def places(tree: list[Split]) -> Iterator[tuple[int, dict[int, Reach]]]:
    """Yield every split and ~leaf that some row reaches, with what reaches it of the features on the way."""
    todo: list[tuple[int, dict[int, Reach]]] = [(0 if tree else -1, {})]
    while todo:
        at, box = todo.pop()
        yield at, box
        if at < 0:
            continue
        s = tree[at]
        for left in (True, False):
            here = s.below(box.get(s.feature, ANYTHING), left)
            if not here.empty():
                todo.append((s.left if left else s.right, {**box, s.feature: here}))
