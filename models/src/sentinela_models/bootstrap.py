"""The Poisson bootstrap, drawn by hashing so that Go and Python draw the same numbers."""

from __future__ import annotations

import math

import numpy as np


def splitmix64(x: np.ndarray) -> np.ndarray:
    """Mix 64 bits (Steele, Lea and Flood, 2014)."""
    with np.errstate(over="ignore"):
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def poisson_steps() -> np.ndarray:
    """Return the cumulated probabilities of a Poisson distribution with mean 1."""
    p, total, out = math.exp(-1), 0.0, []
    for k in range(12):
        p = p / k if k else p
        total += p
        out.append(total)
    return np.array(out)


def draw(accounts: int, seed: int, replicate: int) -> np.ndarray:
    """Return how often each account counts in a replicate."""
    base = splitmix64(np.array([seed], dtype=np.uint64) ^ splitmix64(np.array([replicate], dtype=np.uint64)))
    with np.errstate(over="ignore"):
        x = splitmix64(base + np.arange(accounts, dtype=np.uint64))
    u = (x >> np.uint64(11)).astype(float) / 2**53
    return np.searchsorted(poisson_steps(), u, side="right").astype(float)


def interval(values: list[float]) -> list[float]:
    """Return the 2.5th and the 97.5th percentile, by the nearest rank."""
    if not values:
        return [0.0, 0.0]
    ordered = sorted(values)
    ranks = (math.ceil(share * len(ordered)) - 1 for share in (0.025, 0.975))
    return [float(ordered[min(max(r, 0), len(ordered) - 1)]) for r in ranks]
