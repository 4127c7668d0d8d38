"""Trains the model that the Python service serves: 300 trees of 31 leaves on 80 made-up features, of which ten matter.

python train.py FILE   writes the model as LightGBM's text
"""

from __future__ import annotations

import sys

import lightgbm as lgb
import numpy as np

TREES, LEAVES, FEATURES, ROWS, SEED = 300, 31, 80, 20_000, 1


def train() -> lgb.Booster:
    """Return the booster. What it finds is worth nothing; it costs what a real one of its size costs."""
    rng = np.random.default_rng(SEED)
    x = rng.normal(size=(ROWS, FEATURES))
    label = (x[:, :10].sum(axis=1) + 2 * x[:, 1] * x[:, 2] + rng.normal(size=ROWS) > 1).astype(int)
    params = {
        "objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.02, "min_data_in_leaf": 5,
        "feature_fraction": 0.5, "seed": SEED, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    return lgb.train(params, lgb.Dataset(x, label), TREES)


if __name__ == "__main__":
    train().save_model(sys.argv[1])
