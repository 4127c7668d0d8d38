"""Trains models of many shapes and writes each as an artefact for the scorer to load.

python -m sentinela_models.shapes --out DIR. Each carries LightGBM's own scores of hostile rows (NaN, infinities, zeros,
denormals) and of rows at every threshold and one step beside it. SENTINELA_SHAPES=DIR go test ./shared/scoring loads
them all; scripts/conformance/shapes.sh does both.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import shutil
import time

import lightgbm as lgb
import numpy as np

from sentinela_models import artefact, calibration, fixtures, golden

ROWS, SEED = 6000, 5


@dataclasses.dataclass(frozen=True)
class Shape:
    """What a model is to look like."""

    trees: int
    leaves: int
    features: int
    params: dict = dataclasses.field(default_factory=dict)


SHAPES = {
    "ten-by-eight": Shape(10, 8, 20),
    "thousand-by-eight": Shape(1000, 8, 80),
    "leaf-wise": Shape(20, 255, 300),
    "depth-limited": Shape(100, 31, 80, {"max_depth": 5}),
    "deep": Shape(30, 64, 20, {"min_data_in_leaf": 2, "min_sum_hessian_in_leaf": 1e-3}),
    "zero-as-missing": Shape(100, 31, 40, {"zero_as_missing": True}),
    "no-missing": Shape(100, 31, 40, {"use_missing": False}),
    "dart": Shape(100, 31, 40, {"boosting": "dart", "drop_rate": 0.3}),
    "monotone": Shape(100, 31, 40, {"monotone_constraints": [1] * 40}),
    "single-leaf": Shape(10, 31, 20, {"min_data_in_leaf": ROWS}),
}


def data(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of many scales, with missing values and zeros, and labels that depend on a few of the features."""
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(ROWS, shape.features)) * 10.0 ** rng.integers(-3, 7, shape.features)
    x[:, ::4] = np.round(x[:, ::4])
    x[rng.random(x.shape) < 0.08] = 0.0
    score = np.sign(x[:, :8]).sum(axis=1) + 2 * rng.normal(size=ROWS)
    x[rng.random(x.shape) < 0.08] = np.nan
    return x, (score > 1).astype(int)


def write(out: pathlib.Path, name: str, shape: Shape) -> str:
    """Train one shape, write it, and return a line about it."""
    start = time.monotonic()
    x, label = data(shape)
    params = {
        "objective": "binary", "num_leaves": shape.leaves, "learning_rate": 0.05, "min_data_in_leaf": 10, "seed": SEED,
        "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1, **shape.params,
    }  # fmt: skip
    names = [f"f{i}" for i in range(shape.features)]
    booster = lgb.train(params, lgb.Dataset(x, label, feature_name=names), shape.trees)
    text = booster.model_to_string(num_iteration=-1)
    chosen = golden.choose(x, text, SEED)
    answers = golden.answers(text, chosen, calibration.IDENTITY, golden.CONTRIBUTION_ROWS)
    shutil.rmtree(out / name, ignore_errors=True)
    manifest = {**fixtures.manifest("gbdt", name, calibration.IDENTITY), "features": names, "params": params}
    artefact.write(out / name, text, answers, manifest)
    trees, leaves = artefact.count_trees(text)
    size, proof = ((out / name / f).stat().st_size for f in ("model.txt", "golden.json"))
    return (
        f"{name}: {trees} trees, {leaves} leaves, {shape.features} features, {size} bytes; "
        f"{len(chosen)} golden vectors, {proof} bytes; {time.monotonic() - start:.0f} s"
    )


def main() -> None:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_models.shapes", description=__doc__)
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("--only", choices=sorted(SHAPES))
    args = p.parse_args()
    for name, shape in SHAPES.items():
        if args.only in (None, name):
            print(write(args.out, name, shape), flush=True)


if __name__ == "__main__":
    main()
