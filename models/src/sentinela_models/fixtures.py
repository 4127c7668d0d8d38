"""Writes the small artefacts of shared/scoring/testdata: kinds that must load, and kinds that must be refused.

python -m sentinela_models.fixtures --out ../shared/scoring/testdata. Needs numpy and LightGBM only, so that an older
LightGBM can write its own fixtures too (--only v3, --only goss3).
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil

import lightgbm as lgb
import numpy as np

from sentinela_models import artefact, calibration, golden

FEATURES = ["amount_brl", "hour", "payer_count_1h", "payee_age_days", "device_age_days", "balance_share"]
ROWS, GOLDEN_ROWS, CONTRIBUTION_ROWS, SEED = 4000, 1000, 40, 11

# Each kind is a change of parameters. The scorer's tests know which of them must load.
KINDS = {
    "gbdt": {},
    "dart": {"boosting": "dart", "drop_rate": 0.3},
    "goss": {"boosting": "goss"},
    "large": {"learning_rate": 1e8},  # raw scores of a hundred millions
    "zero": {"zero_as_missing": True},
    "none": {"use_missing": False},
    "deep": {"num_leaves": 63, "min_data_in_leaf": 2, "max_depth": 20},
    "single": {"min_data_in_leaf": ROWS},
    "platt": {},
    "forest": {"boosting": "rf", "bagging_fraction": 0.5, "bagging_freq": 1},
    "linear": {"linear_tree": True},
    "multiclass": {"objective": "multiclass", "num_class": 3},
    "categorical": {"cat_smooth": 1.0, "min_data_per_group": 5},
    "sigmoid2": {"sigmoid": 2.0},
    "regression": {"objective": "regression"},
}
OLDER = {"v3": "gbdt", "goss3": "goss"}  # kinds that an older LightGBM writes, by the name of their fixture
REFUSED = {"forest", "linear", "multiclass", "categorical", "sigmoid2", "regression"}


def data(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return made-up rows with missing values, zeros and whole numbers, and labels that depend on them."""
    rng = np.random.default_rng(SEED)
    x = np.column_stack(
        [
            rng.lognormal(4, 1.5, ROWS).round(2),
            rng.integers(0, 24, ROWS),
            rng.poisson(0.7, ROWS),
            rng.exponential(300, ROWS).round(3),
            rng.exponential(100, ROWS).round(3),
            rng.normal(0, 1, ROWS),
        ]
    ).astype(float)
    x[rng.random(x.shape) < 0.08] = 0.0
    logit = 0.6 * x[:, 2] - 0.004 * x[:, 3] + 0.3 * np.log1p(x[:, 0]) - 0.01 * x[:, 4] + x[:, 5] * (x[:, 1] < 6) - 1
    label = (rng.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(int)
    if kind not in ("linear", "categorical"):
        x[rng.random(x.shape) < 0.1] = np.nan
    if kind == "multiclass":
        label = label + (x[:, 1] > 12)
    return x, label


def train(kind: str) -> tuple[str, np.ndarray, np.ndarray]:
    """Return the model text, rows and labels of one kind."""
    base = {
        "objective": "binary", "num_leaves": 12, "learning_rate": 0.15, "min_data_in_leaf": 15, "seed": SEED,
        "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    x, label = data(kind)
    categorical = [1] if kind == "categorical" else []
    dataset = lgb.Dataset(x, label, feature_name=FEATURES, categorical_feature=categorical, free_raw_data=False)
    booster = lgb.train({**base, **KINDS[kind]}, dataset, 12)
    return booster.model_to_string(num_iteration=-1), x, label


def manifest(kind: str, version: str, cal: calibration.Calibration) -> dict:
    """Return a manifest with made-up but valid provenance."""

    def days(first: int, last: int) -> dict:
        return {
            "from": f"2026-01-{first:02}T00:00:00Z",
            "to": f"2026-01-{last:02}T00:00:00Z",
            "rows": 1000,
            "positives": 50,
        }

    return {
        "schema_version": 1,
        "name": f"fixture-{kind}",
        "role": "payer",
        "version": version,
        "trained_at": "2026-02-01T00:00:00Z",
        "lightgbm_version": lgb.__version__,
        "feature_set": "fixture-1",
        "features": FEATURES,
        "seed": SEED,
        "params": KINDS[kind],
        "training": days(1, 10),
        "validation": days(10, 15),
        "evaluation": {**days(15, 20), "average_precision": 0.5, "auc": 0.9, "recall_by_typology": {"mule": 0.5}},
        "calibration": {"type": cal.type, "a": cal.a, "b": cal.b},
        "thresholds": [
            {"fpr": f, "raw": r, "probability": float(cal.probability(r)), "recall": 0.5, "precision": 0.5}
            for f, r in ((0.01, 1.0), (0.001, 2.5))
        ],
        "lineage": {},
    }


def write(out: pathlib.Path, kind: str, name: str) -> None:
    """Train one kind and write its artefact; one that must be refused gets a few golden vectors only."""
    text, x, label = train(kind)
    cal = calibration.IDENTITY
    if kind == "platt":
        raw = lgb.Booster(model_str=text).predict(x, raw_score=True)
        cal = calibration.fit_platt(raw, label, np.where(label == 1, 0.01, 1.0))
    served = kind not in REFUSED
    chosen = golden.choose(x, text, SEED, GOLDEN_ROWS if served else 10, cover=served)
    contributions = CONTRIBUTION_ROWS if served else 0
    shutil.rmtree(out / name, ignore_errors=True)
    artefact.write(out / name, text, golden.answers(text, chosen, cal, contributions), manifest(kind, name, cal))


def main() -> None:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_models.fixtures", description=__doc__)
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("--only", choices=sorted({*KINDS, *OLDER}), help="write this fixture alone")
    args = p.parse_args()
    if args.only:
        write(args.out, OLDER.get(args.only, args.only), args.only)
        return
    for kind in KINDS:
        write(args.out, kind, kind)
    print(json.dumps(sorted(KINDS)))


if __name__ == "__main__":
    main()
