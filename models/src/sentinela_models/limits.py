"""What the scorer refuses for its size (shared/scoring/limits.go), told by the exporter before it does the work."""

from __future__ import annotations

import dataclasses

import lightgbm as lgb
import numpy as np

from sentinela_models import trees
from sentinela_models.errors import Refused

MODEL_BYTES = GOLDEN_BYTES = 16 << 20
FEATURES, TREES, LEAVES, DEPTH = 2048, 4096, 4096, 256
GOLDEN_ROWS = 5000
PROOF_STEPS = 1 << 28
# A tenth of what a contribution of the scorer may differ from LightGBM's, per 1,000 of the score where that is larger.
CONTRIBUTION_ERROR, LARGE = 1e-7, 1000


@dataclasses.dataclass
class Size:
    """How large a model is."""

    trees: int = 0
    leaves: int = 0  # of the largest tree
    depth: int = 0  # splits on the longest way down
    features: int = 0  # different features on one way down
    walk: int = 0  # steps that the scorer takes for a score
    explanation: int = 0  # and for contributions


def measure(model_text: str) -> Size:
    """Measure a model as the scorer does."""
    size = Size()
    for splits in trees.parse(model_text):
        depth, features = longest(splits)
        points = (features + 1) // 2
        size.trees += 1
        size.leaves = max(size.leaves, len(splits) + 1)
        size.depth, size.features = max(size.depth, depth), max(size.features, features)
        size.walk += depth
        size.explanation += len(splits) * ((points + 1) // 2)
    return size


def longest(splits: list[trees.Split]) -> tuple[int, int]:
    """Return the most splits, and the most different features, on one way down a tree."""
    depth = features = 0
    todo: list[tuple[int, int, frozenset[int]]] = [(0, 0, frozenset())] if splits else []
    while todo:
        at, level, used = todo.pop()
        depth, features = max(depth, level), max(features, len(used))
        if at >= 0:
            here = used | {splits[at].feature}
            todo += [(splits[at].left, level + 1, here), (splits[at].right, level + 1, here)]
    return depth, features


def check_settings(tree_count: int, leaves: int) -> None:
    """Refuse settings that train a model which is too large."""
    for what, given, limit in (("trees", tree_count, TREES), ("leaves of a tree", leaves, LEAVES)):
        if given > limit:
            raise Refused(f"{given} {what} are more than the {limit} that the scorer takes")


def check_model(model_text: str, features: int, rows: int, contributions: int) -> None:
    """Refuse a model that the scorer would refuse for its size, with so many golden vectors and contributions."""
    size = measure(model_text)
    check_settings(size.trees, size.leaves)
    steps = rows * size.walk * 4 + contributions * size.explanation
    for what, given, limit in (
        ("bytes of model.txt", len(model_text.encode()), MODEL_BYTES),
        ("features", features, FEATURES),
        ("splits above each other", size.depth, DEPTH),
        ("golden vectors, which covering every split takes,", rows, GOLDEN_ROWS),
        ("steps of the proof", steps, PROOF_STEPS),
    ):
        if given > limit:
            raise Refused(
                f"{given} {what} are more than the {limit} that the scorer takes: train fewer or smaller trees"
            )


def check_contributions(model_text: str, rows: np.ndarray) -> None:
    """Refuse a model of which LightGBM's own contributions are wrong, by what they must add up to.

    It unwinds the path to a leaf, once for each different feature on it, and loses digits each time: with 30 features
    nothing that counts, with 50 all that the scorer compares.
    """
    booster = lgb.Booster(model_str=model_text)
    raw = np.asarray(booster.predict(rows, raw_score=True, num_threads=1), dtype=float)
    shares = np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1))
    scale = np.maximum(1, np.maximum(np.abs(raw), np.abs(shares).max(axis=1)) / LARGE)
    wrong = ~(np.abs(shares.sum(axis=1) - raw) <= CONTRIBUTION_ERROR * scale)
    if wrong.any():
        raise Refused(
            f"LightGBM's own contributions do not add up to its score in {wrong.sum()} of {len(rows)} golden rows: one "
            f"way down a tree asks of {measure(model_text).features} different features, and it computes reliably with "
            "30; set max_depth"
        )
