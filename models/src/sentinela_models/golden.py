"""Chooses the golden vectors and records LightGBM's own answers to them."""

from __future__ import annotations

import json
import math

import lightgbm as lgb
import numpy as np

from sentinela_models import coverage, limits
from sentinela_models.calibration import Calibration
from sentinela_models.digest import trees_sha256
from sentinela_models.trees import NEAR_ZERO

ROWS, CONTRIBUTION_ROWS = 1000, 40
HOSTILE_VALUES = (
    math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, -5e-324, NEAR_ZERO, -NEAR_ZERO,
    math.nextafter(NEAR_ZERO, 1), math.nextafter(-NEAR_ZERO, -1), 1e300, -1e300, 1e-34, -1e-34, 1.0, -1.0,
)  # fmt: skip


def choose(x: np.ndarray, model_text: str, seed: int, rows: int = ROWS, cover: bool = True) -> np.ndarray:
    """Return vectors of which half are as served (rounded, to keep the file small), half hostile, and those that cover.

    Hostile vectors begin as served and get, in a few places, NaN, infinities, zeros and their neighbours. The first
    three are all NaN, all zero and all infinite. The covering ones come last; coverage.py says what they prove. A model
    that the scorer would refuse is refused before they are looked for.
    """
    if cover:
        limits.check_model(model_text, x.shape[1], rows, CONTRIBUTION_ROWS)
    rng = np.random.default_rng(seed)
    out = np.vectorize(lambda v: float(f"{v:.4g}"))(x[rng.integers(len(x), size=rows)])
    served = out[4::2].copy()
    out[0], out[1], out[2] = math.nan, 0.0, math.inf
    for i in range(3, rows, 2):
        for _ in range(rng.integers(1, 6)):
            out[i, rng.integers(x.shape[1])] = HOSTILE_VALUES[rng.integers(len(HOSTILE_VALUES))]
    if not cover:
        return out
    limits.check_contributions(model_text, out[:CONTRIBUTION_ROWS])
    return np.concatenate([out, coverage.covering(model_text, served, seed, met=out)])


def answers(model_text: str, vectors: np.ndarray, calibration: Calibration, contributions: int) -> dict:
    """Ask LightGBM, through a booster read back from the text, so that what is proved is the file."""
    booster = lgb.Booster(model_str=model_text)
    raw = np.asarray(booster.predict(vectors, raw_score=True, num_threads=1), dtype=float).reshape(len(vectors), -1)[
        :, 0
    ]
    width = vectors.shape[1]
    shares = np.empty((0, width + 1))
    if contributions:  # linear trees have none to give
        shares = np.asarray(booster.predict(vectors[:contributions], pred_contrib=True, num_threads=1))
    return {
        "schema_version": 1,
        "features": width,
        "trees_sha256": trees_sha256(booster),
        "vectors": [[encode(v) for v in row] for row in vectors],
        "raw": [encode(v) for v in raw],
        "probability": [encode(v) for v in calibration.probability(raw)],
        "contributions": [[round(float(v), 10) for v in row] for row in shares],
    }


def encode(v: float) -> float | int | str | None:
    """Write NaN as null and infinities as text: JSON knows neither. Whole numbers lose their ".0"."""
    v = float(v)
    if math.isnan(v):
        return None
    if math.isinf(v):
        return "inf" if v > 0 else "-inf"
    return int(v) if v.is_integer() and abs(v) < 1e9 and not (v == 0 and math.copysign(1, v) < 0) else v


def decode(v: float | str | None) -> float:
    """Read what encode wrote."""
    return math.nan if v is None else float(v)


def dumps(golden: dict) -> str:
    """Write one vector a line: compact, and a change is a readable diff."""
    parts = []
    for key, value in golden.items():
        if isinstance(value, list):
            lines = ",\n".join(json.dumps(v, separators=(",", ":"), allow_nan=False) for v in value)
            parts.append(f"{json.dumps(key)}:[\n{lines}\n]")
        else:
            parts.append(f"{json.dumps(key)}:{json.dumps(value)}")
    return "{" + ",\n".join(parts) + "}\n"
