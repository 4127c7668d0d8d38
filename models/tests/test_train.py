"""Training end to end on made-up vectors: repeatable, honest split, artefact as the scorer wants it."""

import dataclasses
import hashlib
import json
import math
import pathlib

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import DAY, FEATURES, table

from sentinela_models import artefact, calibration, coverage, golden, limits, metrics, split, train, vectors
from sentinela_models.errors import Refused

ARGS = ["--role", "payer", "--feature-set", "1-abc", "--trained-at", "2026-02-01T00:00:00Z", "--trees", "30"]


def run(source: pathlib.Path, out: pathlib.Path, *more: str) -> int:
    return train.main(["--vectors", str(source), "--out", str(out), *ARGS, *more])


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> pathlib.Path:
    """Train once for the tests that only read."""
    root = tmp_path_factory.mktemp("trained")
    pq.write_table(table(), root / "v.parquet")
    assert run(root / "v.parquet", root / "payer" / "3") == 0
    return root


def test_same_input_and_seed_give_the_same_bytes(trained):
    assert run(trained / "v.parquet", trained / "again" / "3") == 0
    for name in ("model.txt", "golden.json", "reference.json", "manifest.json"):
        assert (trained / "payer" / "3" / name).read_bytes() == (trained / "again" / "3" / name).read_bytes()
    assert run(trained / "v.parquet", trained / "other" / "3", "--seed", "8") == 0
    assert (trained / "payer" / "3" / "model.txt").read_bytes() != (trained / "other" / "3" / "model.txt").read_bytes()


def test_manifest(trained):
    out = trained / "payer" / "3"
    m = json.loads((out / "manifest.json").read_text())
    for name, digest in m["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert (m["role"], m["version"], m["features"], m["feature_set"]) == ("payer", "3", FEATURES, "1-abc")
    assert m["training"]["to"] < m["validation"]["from"] < m["validation"]["to"] < m["evaluation"]["from"]
    assert artefact.count_trees((out / "model.txt").read_text()) == (m["trees"], m["leaves"])
    assert [t["fpr"] for t in m["thresholds"]] == sorted((t["fpr"] for t in m["thresholds"]), reverse=True)
    assert 0.5 < m["evaluation"]["auc"] < 1
    assert set(m["evaluation"]["recall_by_typology"]) == {"takeover", "mule"}
    schema = json.loads((pathlib.Path(__file__).parents[1] / "contract" / "manifest.schema.json").read_text())
    assert set(m) == set(schema["required"]) == set(schema["properties"])
    assert m["golden_covers_splits"] is True


def test_golden_is_what_lightgbm_says(trained):
    out = trained / "payer" / "3"
    g = json.loads((out / "golden.json").read_text())
    x = np.array([[golden.decode(v) for v in row] for row in g["vectors"]])
    booster = lgb.Booster(model_file=out / "model.txt")
    assert len(x) >= 1000
    np.testing.assert_array_equal(booster.predict(x, raw_score=True), g["raw"])
    shares = np.array(g["contributions"])
    np.testing.assert_allclose(shares.sum(axis=1), g["raw"][: len(shares)], atol=1e-6)
    assert np.isnan(x).any()
    assert np.isposinf(x).any()
    assert np.isneginf(x).any()
    assert coverage.covers((out / "model.txt").read_text(), x)


def test_encode_round_trips():
    for v in (0.1, -0.0, 0.0, 5e-324, 1e300, 3.0, math.inf, -math.inf, 1e9, 123456789.0):
        back = golden.decode(json.loads(json.dumps(golden.encode(v))))
        assert np.float64(back).tobytes() == np.float64(v).tobytes()
    assert golden.encode(math.nan) is None


def test_a_version_never_changes(trained, capsys):
    assert run(trained / "v.parquet", trained / "payer" / "3") == 1
    assert "exists already" in capsys.readouterr().err


def test_too_many_golden_vectors_are_refused(tmp_path):
    golden_file = {"features": 1, "vectors": [[0.0]] * (limits.GOLDEN_ROWS + 1), "contributions": []}
    with pytest.raises(Refused, match="fewer or smaller trees"):
        artefact.write(tmp_path / "1", "tree\n", golden_file, {})
    assert not (tmp_path / "1").exists()


def test_wrong_columns_are_refused_in_a_sentence(trained, tmp_path, capsys):
    pq.write_table(pq.read_table(trained / "v.parquet").drop_columns(["label"]), tmp_path / "v.parquet")
    assert run(tmp_path / "v.parquet", tmp_path / "payer" / "1") == 1
    assert capsys.readouterr().err.startswith("refused: the first columns are")
    assert not (tmp_path / "payer").exists()


def test_split_keeps_time_and_hides_late_labels(trained):
    rows = vectors.read_vectors(trained / "v.parquet", "payer", None)
    s = split.by_time(rows)
    assert s.training.event_time[-1] <= s.validation.event_time[0]
    assert s.validation.event_time[-1] <= s.evaluation.event_time[0]
    assert s.training.event_time[0] == rows.event_time[0]
    slow = split.by_time(dataclasses.replace(rows, arrived_at=rows.arrived_at + 8 * DAY))
    until = {"training": s.evaluation.event_time[0], "validation": rows.event_time[-1]}
    for name, cut in until.items():
        part = getattr(slow, name)
        arrived = part.arrived_at <= cut
        assert (part.label[arrived] == 1).all() and (part.label[~arrived] == 0).all()
        assert arrived.any() and (~arrived & ~np.isnan(part.arrived_at)).any()


def test_whole_frauds_learn_what_weighs_little_and_promise_by_weight(trained):
    """By weight these frauds are below the penalty: the trees say nothing, and what is promised is far off."""
    rows = table()
    at = rows.schema.get_field_index("split_weight")
    light = np.where(rows["label"].to_numpy() == 1, 1e-4, 1.0)
    source = trained / "light.parquet"
    pq.write_table(rows.set_column(at, rows.schema.field(at), pa.array(light)), source)
    for name, flags in (("weighted", []), ("whole", ["--whole-frauds"])):
        assert run(source, trained / name / "3", *flags) == 0
    by_weight, whole = (json.loads((trained / n / "3" / "manifest.json").read_text()) for n in ("weighted", "whole"))
    assert whole["evaluation"]["auc"] > by_weight["evaluation"]["auc"] + 0.02
    text = (trained / "whole" / "3" / "model.txt").read_text()
    v = vectors.read_vectors(source, "payer", None)
    c = calibration.Calibration(**whole["calibration"])
    promised = c.probability(lgb.Booster(model_str=text).predict(v.x, raw_score=True))
    assert 0.4 < (v.weight * promised).sum() / (v.weight * v.label).sum() < 2.5


def boosted(seed: int) -> vectors.Vectors:
    """Return a boosted world: look-alikes share one half of its frauds' sign, neighbours, far lighter, the other's."""
    rng = np.random.default_rng(seed)
    n = 12_000
    alike, neighbour, fraud, other = range(1, 5)
    kind = rng.choice(5, n, p=[0.5, 0.1, 0.35, 0.025, 0.025])
    x = rng.normal(0, 1, (n, 2))
    x[np.isin(kind, (alike, fraud)), 0] += 6
    x[np.isin(kind, (neighbour, other)), 1] += 6
    label, weight = (kind >= fraud).astype(np.int8), np.where(kind <= alike, 1.0, 1e-4)
    times, names = np.arange(n), np.array([f"E{i}" for i in range(n)])
    return vectors.Vectors(["a", "b"], x, label, weight, times, np.where(label, "fraud", ""), times * 1.0, names)


def test_rows_of_hardly_any_weight_hide_no_fraud():
    """Were each a whole payment to the fit, look-alikes would go before the frauds that only neighbours resemble."""
    o = train.Options(pathlib.Path(), "payer", pathlib.Path(), None, "", "", trees=30, leaves=7, whole_frauds=True)
    later = boosted(3)
    booster = lgb.Booster(model_str=train.fit(o, split.Split(boosted(1), boosted(2), later)))
    curve = metrics.curve(booster.predict(later.x, raw_score=True), later.label, later.weight)
    assert metrics.at_fpr(curve, 0.001).recall > 0.45


def light(seed: int, n: int) -> vectors.Vectors:
    """Return a boosted world with one sign of fraud, and columns that say nothing and can be learnt by heart."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, 12))
    label = (rng.random(n) < 1 / (1 + np.exp(4 - 1.2 * x[:, 0]))).astype(np.int8)
    times, names = np.arange(n), np.array([f"E{i}" for i in range(n)])
    weight = np.where(label == 1, 1e-3, 1.0)
    return vectors.Vectors(list("abcdefghijkl"), x, label, weight, times, np.where(label, "fraud", ""), times, names)


@pytest.mark.parametrize("seed", [10, 11, 12])
def test_where_fraud_is_boosted_all_rows_calibrate_each_by_trees_that_have_not_seen_it(seed):
    """The validation slice alone has ten frauds; what the trees have learnt by heart would promise tenfold."""
    s = split.Split(light(seed, 4000), light(seed + 10, 300), light(seed + 20, 20_000))
    o = train.Options(
        pathlib.Path(), "payer", pathlib.Path(), None, "", "", trees=60, leaves=15, patience=100, whole_frauds=True
    )
    booster = lgb.Booster(model_str=train.fit(o, s))
    v, raw = s.evaluation, booster.predict(s.evaluation.x, raw_score=True)
    promised, came = v.weight * train.calibrate(o, booster, s).probability(raw), v.weight * v.label
    alerts = raw >= np.quantile(raw, 0.99)
    assert 0.9 < promised.sum() / came.sum() < 1.11
    assert 0.5 < promised[alerts].sum() / came[alerts].sum() < 2
    usual = train.calibrate(dataclasses.replace(o, whole_frauds=False), booster, s)
    last = booster.predict(s.validation.x, raw_score=True)
    assert usual == calibration.fit_platt(last, s.validation.label, s.validation.weight)


def test_settings_that_were_changed_count(trained):
    rows = vectors.read_vectors(trained / "v.parquet", "payer", None)
    o = train.Options(pathlib.Path(), "payer", pathlib.Path(), None, "", "", trees=3)
    s = split.by_time(rows)
    assert train.fit(o, s) == train.fit(o, s, {}) != train.fit(o, s, {"num_leaves": 4})


def test_too_few_frauds_are_refused(trained):
    rows = vectors.read_vectors(trained / "v.parquet", "payer", None)
    few = rows.known_at(int(rows.event_time[0]) + 1)
    with pytest.raises(Refused, match="too few"):
        split.by_time(few)
