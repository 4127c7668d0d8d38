"""Makes golden vectors that meet every split with the values that tell it from any other, and every leaf.

A split is told from every other on its feature by four values, where they can reach it: NaN, zero, the largest value
that goes left and the next one, which goes right. With all of them among the golden vectors no threshold can move by a
single step and no rule for missing values can change unnoticed, and with every leaf met no value of a leaf can. A place
that no row can reach (the values that its ancestors let through are none) needs none: it takes part in no score.

One vector serves many splits: a row holds one value for each feature and takes one way through each tree.
"""

from __future__ import annotations

import math

import numpy as np

from sentinela_models.trees import ANYTHING, Reach, Split, only, parse, places, walk

TRIES = 12  # open places of a tree that are tried before the next tree has its turn

Box = dict[int, Reach]


class Tree:
    """One tree and what the vectors chosen so far have not met of it."""

    def __init__(self, splits: list[Split]) -> None:
        self.splits = splits
        self.open: dict[tuple[int, str], Box] = {}
        for at, box in places(splits):
            if at < 0:
                self.open[at, ""] = box
                continue
            s = splits[at]
            here = box.get(s.feature, ANYTHING)
            for v in s.probes():
                if here.has(v):
                    self.open[at, name(v)] = {**box, s.feature: only(v)}

    def meet(self, row: list[float]) -> None:
        """Strike out what a row meets."""
        for at in walk(self.splits, row):
            self.open.pop((at, name(row[self.splits[at].feature]) if at >= 0 else ""), None)


def name(v: float) -> str:
    """Return a key for a value that is the same for all that a split cannot tell apart."""
    if math.isnan(v):
        return "nan"
    return "zero" if only(v).zero else float(v).hex()


def covering(model_text: str, base: np.ndarray, seed: int, met: np.ndarray | None = None) -> np.ndarray:
    """Return vectors that meet every probe of every split and every leaf that those in met do not meet.

    What no place asks for is as in base, vector by vector.
    """
    rng = np.random.default_rng(seed)
    trees = [Tree(splits) for splits in parse(model_text)]
    for row in [] if met is None else met.tolist():
        for t in trees:
            t.meet(row)
    rows = []
    while pending := [t for t in trees if t.open]:
        order = rng.permutation(len(pending))
        row = fill(pack([pending[i] for i in order], rng), base[len(rows) % len(base)])
        before = sum(len(t.open) for t in pending)
        for t in trees:
            t.meet(row)
        if sum(len(t.open) for t in pending) == before:
            raise AssertionError("a vector meets nothing new: the reading of the trees contradicts itself")
        rows.append(row)
    return np.array(rows).reshape(len(rows), base.shape[1])


def pack(trees: list[Tree], rng: np.random.Generator) -> Box:
    """Join open places of as many trees as fit into one row."""
    box: Box = {}
    for t in trees:
        keys = list(t.open)
        start = int(rng.integers(len(keys)))
        for i in range(min(TRIES, len(keys))):
            join(box, t.open[keys[(start + i) % len(keys)]])
    return box


def join(box: Box, other: Box) -> None:
    """Narrow a box to what is also in the other, unless that is nothing."""
    narrowed = {}
    for feature, reach in other.items():
        mine = box.get(feature)
        both = reach if mine is None else reach.also(mine)
        if both.empty():
            return
        narrowed[feature] = both
    box.update(narrowed)


def fill(box: Box, base: np.ndarray) -> list[float]:
    """Return the base vector with what the box asks for."""
    row = [float(v) for v in base]
    for feature, reach in box.items():
        if not reach.has(row[feature]):
            row[feature] = reach.pick()
    return row


def covers(model_text: str, vectors: np.ndarray) -> bool:
    """Tell whether vectors meet every probe of every split and every leaf."""
    rows = vectors.tolist()
    for splits in parse(model_text):
        t = Tree(splits)
        for row in rows:
            t.meet(row)
        if t.open:
            return False
    return True


def probes(model_text: str) -> int:
    """Return how many probes and leaves there are to meet."""
    return sum(len(Tree(splits).open) for splits in parse(model_text))
