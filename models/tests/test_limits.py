"""The scorer's limits, told by the exporter before the work."""

import itertools
import pathlib
import re

import lightgbm as lgb
import numpy as np
import pytest

from sentinela_models import artefact, calibration, coverage, fixtures, golden, limits, train
from sentinela_models.errors import Refused

LIMITS_GO = pathlib.Path(__file__).parents[2] / "shared" / "scoring" / "limits.go"


def chain(features: int) -> str:
    """Return a model of one tree whose longest way down asks of every feature once."""
    counts = [max(2, int(2**30 * 0.95**i)) for i in range(features)] + [1]
    leaves = [a - b for a, b in itertools.pairwise(counts)] + [counts[-1]]
    columns = {
        "num_leaves": [features + 1], "num_cat": [0], "split_feature": range(features), "split_gain": [1] * features,
        "threshold": [0.0] * features, "decision_type": [2] * features, "left_child": [~i for i in range(features)],
        "right_child": [*range(1, features), ~features], "leaf_value": np.linspace(-0.2, 0.2, features + 1).tolist(),
        "leaf_weight": leaves, "leaf_count": leaves, "internal_value": [0] * features,
        "internal_weight": counts[:-1], "internal_count": counts[:-1], "is_linear": [0], "shrinkage": [1],
    }  # fmt: skip
    tree = "Tree=0\n" + "".join(f"{k}={' '.join(map(str, v))}\n" for k, v in columns.items()) + "\n\n"
    names = " ".join(f"f{i}" for i in range(features))
    return (
        f"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={features - 1}\n"
        f"objective=binary sigmoid:1\nfeature_names={names}\nfeature_infos={' '.join(['[-1:1]'] * features)}\n"
        f"tree_sizes={len(tree)}\n\n{tree}end of trees\n\nfeature_importances:\n\nparameters:\n[boosting: gbdt]\n"
        "end of parameters\n\npandas_categorical:null\n"
    )


def rows(features: int) -> np.ndarray:
    return np.abs(np.random.default_rng(1).normal(size=(100, features)))  # all the way down


def test_limits_are_the_scorers():
    go = {name: eval(value) for name, value in re.findall(r"^\t\t(\w+): +([\d <]+),$", LIMITS_GO.read_text(), re.M)}
    assert (go["ModelBytes"], go["GoldenBytes"]) == (limits.MODEL_BYTES, limits.GOLDEN_BYTES)
    assert (go["Features"], go["Trees"], go["Leaves"], go["Depth"]) == (
        limits.FEATURES, limits.TREES, limits.LEAVES, limits.DEPTH,
    )  # fmt: skip
    assert (go["MaxGoldenRows"], go["ProofSteps"]) == (limits.GOLDEN_ROWS, limits.PROOF_STEPS)
    assert go["MinGoldenRows"] <= golden.ROWS
    assert go["Contributions"] >= golden.CONTRIBUTION_ROWS


def test_measure():
    size = limits.measure(chain(7))
    assert (size.trees, size.leaves, size.depth, size.features) == (1, 8, 7, 7)
    assert (size.walk, size.explanation) == (7, 7 * 2)  # 4 points in 2 pairs
    assert limits.measure(fixtures.train("single")[0]).depth == 0


def test_settings_are_refused_before_anything_is_read(tmp_path):
    wrong = train.Options(tmp_path / "none", "payer", tmp_path / "1", None, "1", "", trees=limits.TREES + 1)
    with pytest.raises(Refused, match="4097 trees are more than the 4096"):
        train.run(wrong)


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("TREES", 11, "12 trees"), ("LEAVES", 11, "leaves of a tree"), ("DEPTH", 3, "splits above each other"),
        ("FEATURES", 5, "6 features"), ("MODEL_BYTES", 1000, "bytes of model.txt"),
        ("PROOF_STEPS", 10**5, "steps of the proof"),
    ],
)  # fmt: skip
def test_large_models_are_refused_before_vectors_are_looked_for(monkeypatch, limit, value, reason):
    text, x, _ = fixtures.train("gbdt")
    monkeypatch.setattr(limits, limit, value)
    monkeypatch.setattr(coverage, "covering", lambda *_, **__: pytest.fail("the work was done"))
    with pytest.raises(Refused, match=reason):
        golden.choose(x, text, 1)


def test_golden_bytes(monkeypatch, tmp_path):
    text, x, _ = fixtures.train("gbdt")
    answers = golden.answers(text, golden.choose(x, text, 1), calibration.IDENTITY, 40)
    monkeypatch.setattr(limits, "GOLDEN_BYTES", 1000)
    with pytest.raises(Refused, match=r"golden.json has \d+ bytes"):
        artefact.write(tmp_path / "1", text, answers, {})
    assert not (tmp_path / "1").exists()


def test_contributions_that_lightgbm_gets_wrong(monkeypatch):
    assert lgb.Booster(model_str=chain(64)).num_trees() == 1
    limits.check_contributions(chain(24), rows(24))
    monkeypatch.setattr(coverage, "covering", lambda *_, **__: pytest.fail("the work was done"))
    with pytest.raises(Refused, match="asks of 64 different features, and it computes reliably with 30"):
        golden.choose(rows(64), chain(64), 1)
