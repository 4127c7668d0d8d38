"""Describes how each feature was spread in the newest rows that a model was fitted to: reference.json of an artefact.

The scorer counts served vectors by the same bins and tells how far they are from it (PSI). It holds no payment: for
each feature up to ten bins and their shares.
"""

from __future__ import annotations

import json

import numpy as np

from sentinela_models.vectors import Vectors

FILE = "reference.json"
BINS = 10
FLOOR = 1e-4  # of a bin's share: an empty bin is no infinite drift
DIGITS = 6  # of a share
CALENDAR = {"day_of_month", "holiday", "pay_day", "since_pay_day_days", "weekday", "weekend"}


def follows_clock(feature: str) -> bool:
    """Tell whether a feature moves with the date alone; it would drift in any later window."""
    return feature in CALENDAR or feature.endswith(("_seen_days", "pair_age_days"))


def cuts(column: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the weighted deciles, each value once; a value that many rows share is an end of its own."""
    known = ~np.isnan(column)
    if not known.any():
        return np.array([])
    order = np.argsort(column[known], kind="stable")
    value, total = column[known][order], np.cumsum(weight[known][order])
    places = np.searchsorted(total, np.arange(1, BINS) / BINS * total[-1])
    return np.unique(value[np.minimum(places, len(value) - 1)])


def shares(column: np.ndarray, weight: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the share of the weight in each bin, missing values last."""
    place = np.where(np.isnan(column), len(edges) + 1, np.searchsorted(edges, column, side="left"))
    counted = np.bincount(place, weight, len(edges) + 2)
    return counted / counted.sum()


def psi(then: np.ndarray, now: np.ndarray) -> float:
    """Return the population stability index of two lists of shares: 0 is alike, above 0.25 is another world."""
    then, now = np.maximum(then, FLOOR), np.maximum(now, FLOOR)
    return float(((now - then) * np.log(now / then)).sum())


def of(rows: Vectors) -> dict:
    """Describe rows as the file does, without what moves with the date alone."""
    features = []
    for i, name in enumerate(rows.features):
        if follows_clock(name):
            continue
        edges = cuts(rows.x[:, i], rows.weight)
        spread = np.round(shares(rows.x[:, i], rows.weight, edges), DIGITS)
        features.append({"name": name, "edges": edges.tolist(), "shares": spread.tolist()})
    return {"schema_version": 1, "rows": len(rows.label), "features": features}


def dumps(reference: dict) -> str:
    """Write the file, a line for each feature."""
    lines = ",\n".join(f"  {json.dumps(f, separators=(',', ':'))}" for f in reference["features"])
    head = f'"schema_version": {reference["schema_version"]}, "rows": {reference["rows"]}'
    return f'{{{head}, "features": [\n{lines}\n]}}\n'
