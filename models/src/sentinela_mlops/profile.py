"""Describes the rows that a model was fitted to, so that a later window can be held against them.

The profile is written by the training run and kept beside the model in MLflow. It holds no payment: for each feature
ten bins and their shares, how well the feature alone separates, and for each row a 64-bit hash of its EndToEndId.
"""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np

from sentinela_models import metrics, reference
from sentinela_models.vectors import Vectors, iso

SAMPLE = 10_000  # legitimate rows by which separation is measured, all frauds beside them


@dataclasses.dataclass(frozen=True)
class Feature:
    """One feature in the rows that a model was fitted to."""

    edges: list[float]  # upper ends of all bins but the last
    shares: list[float]  # of the weight in each bin; the last is of missing values
    auc: float  # of the feature alone, 0.5 says nothing, 1 tells all


@dataclasses.dataclass(frozen=True)
class Profile:
    """What is kept of the rows that a model was fitted to."""

    rows: int
    positives: int
    begin: str  # RFC 3339, of event time
    end: str
    repeated: int  # rows whose EndToEndId, or whose moment and vector, an earlier row has
    features: dict[str, Feature]


def of(rows: Vectors, seed: int = 7) -> Profile:
    """Describe rows, which are in order of time."""
    features = {}
    few = rows.thin(SAMPLE, seed)
    for i, name in enumerate(rows.features):
        column = rows.x[:, i]
        edges = reference.cuts(column, rows.weight)
        found = separation(few.x[:, i], few.label, few.weight)
        features[name] = Feature(edges.tolist(), reference.shares(column, rows.weight, edges).tolist(), found)
    return Profile(
        rows=len(rows.label),
        positives=int(rows.label.sum()),
        begin=iso(int(rows.event_time[0])),
        end=iso(int(rows.event_time[-1])),
        repeated=repeated(rows),
        features=features,
    )


def load(doc: dict) -> Profile:
    """Read what dataclasses.asdict wrote."""
    return Profile(**{**doc, "features": {name: Feature(**f) for name, f in doc["features"].items()}})


def psi(f: Feature, column: np.ndarray, weight: np.ndarray) -> float:
    """Return the population stability index of a column: 0 is as in the profile, above 0.25 is another world."""
    return reference.psi(np.array(f.shares), reference.shares(column, weight, np.array(f.edges)))


def separation(column: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """Return how well a column alone tells fraud, in whichever direction, missing values lowest or highest."""
    known = ~np.isnan(column)
    if not known.any():
        return 0.5
    best = 0.5
    for missing in (column[known].min() - 1, column[known].max() + 1):  # finite: infinities would not tie
        found = metrics.auc(metrics.curve(np.where(known, column, missing), label, weight))
        best = max(best, found, 1 - found)
        if known.all():
            break
    return best


def repeated(rows: Vectors) -> int:
    """Count rows that are there already: by EndToEndId, or by moment and vector under another one."""
    once = len(np.unique(rows.ids))
    vectors = np.ascontiguousarray(np.nan_to_num(rows.x, nan=-1.25e300))
    mixed = vectors.view(np.uint64) * np.arange(1, 2 * vectors.shape[1], 2, dtype=np.uint64)
    marks = np.column_stack([rows.event_time.astype(np.uint64), mixed.sum(axis=1)])
    return len(rows.ids) - min(once, len(np.unique(marks, axis=0)))


def marks(ids: np.ndarray) -> np.ndarray:
    """Return 64-bit hashes of EndToEndIds, sorted: enough to tell whether two sets of rows overlap."""
    hashed = (hashlib.blake2b(i.encode(), digest_size=8).digest() for i in ids.tolist())
    return np.sort(np.fromiter((int.from_bytes(h, "big") for h in hashed), np.uint64, len(ids)))
