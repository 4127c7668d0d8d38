"""The twin of pixctl evaluate against the figures that Go printed, and against values worked out by hand."""

import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentinela_models import bootstrap, evaluate, scores
from sentinela_models.errors import Refused

TESTDATA = pathlib.Path(__file__).parents[2] / "scripts" / "pixctl" / "internal" / "evaluate" / "testdata"


@pytest.mark.parametrize("role", ["payer", "receiver"])
def test_agrees_with_go(role, capsys):
    arguments = ["--scores", str(TESTDATA / f"{role}.parquet"), "--beside", str(TESTDATA / f"{role}-beside.parquet")]
    arguments += ["--truth", str(TESTDATA / "truth.jsonl"), "--replicates", "20", "--top", "5", "--budget", "1000"]
    arguments += ["--from", "2026-03-02T00:00:00Z"]
    assert evaluate.main([*arguments, "--against", str(TESTDATA / f"{role}.json")]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("role", ["payer", "receiver"])
def test_agrees_with_go_on_what_was_known(role, capsys):
    arguments = ["--scores", str(TESTDATA / f"{role}.parquet"), "--replicates", "20", "--top", "5", "--budget", "1000"]
    arguments += ["--to", "2026-03-08T00:00:00Z", "--known-at", "2026-03-09T00:00:00Z"]
    report = str(TESTDATA / f"{role}-reports.json")
    assert evaluate.main([*arguments, "--against", report]) == 0, capsys.readouterr().out


def test_a_difference_is_found(tmp_path, capsys):
    report = json.loads((TESTDATA / "payer.json").read_text())
    report["at_fpr"][0]["recall"] += 1e-6
    (tmp_path / "report.json").write_text(json.dumps(report))
    arguments = ["--scores", str(TESTDATA / "payer.parquet"), "--beside", str(TESTDATA / "payer-beside.parquet")]
    arguments += ["--truth", str(TESTDATA / "truth.jsonl"), "--replicates", "20", "--top", "5", "--budget", "1000"]
    arguments += ["--from", "2026-03-02T00:00:00Z", "--against", str(tmp_path / "report.json")]
    assert evaluate.main(arguments) == 1
    assert ".at_fpr[0].recall" in capsys.readouterr().out


def test_refuses_other_payments_beside(capsys):
    arguments = ["--scores", str(TESTDATA / "payer.parquet"), "--beside", str(TESTDATA / "receiver.parquet")]
    assert evaluate.main(arguments) == 1
    assert "other payments" in capsys.readouterr().err


def test_differences_names_what_differs():
    a = {"x": [1.0, {"y": 2.0}], "z": "t"}
    assert evaluate.differences(a, a) == []
    assert evaluate.differences(a, {"x": [1.0, {"y": 2.1}], "z": "u"}) == [
        ".x[1].y: 2.0 here, 2.1 there",
        ".z: 't' here, 'u' there",
    ]
    assert evaluate.differences(a, {"x": [1.0]}) == [".z: only in one", ".x: 2 and 1 entries"]


def test_poisson_draws_have_mean_and_variance_one():
    times = bootstrap.draw(200_000, 7, 3)
    assert times.mean() == pytest.approx(1, abs=0.01)
    assert times.var() == pytest.approx(1, abs=0.02)
    assert not np.array_equal(times, bootstrap.draw(200_000, 7, 4))


def test_interval_is_the_nearest_rank():
    assert bootstrap.interval([float(v) for v in range(200, 0, -1)]) == [5.0, 195.0]


def test_unreported_frauds_need_the_truth():
    known = scores.read_truth(TESTDATA / "truth.jsonl")
    told = scores.read(TESTDATA / "payer.parquet", None)
    true = scores.read(TESTDATA / "payer.parquet", known)
    assert 0 < told.fraud.sum() < true.fraud.sum()
    assert set(true.typology[true.fraud]) > {""} or "" not in true.typology[true.fraud]


def test_a_table_of_other_types_is_refused(tmp_path):
    """The command converts them (scripts/pixctl/internal/table); the twin takes what the command writes only."""
    with pytest.raises(Refused, match="column end_to_end_id is large_string"):
        scores.read(TESTDATA / "payer-frame.parquet", None)
    good = pq.read_table(TESTDATA / "payer.parquet")
    for name, column, reason in [
        ("raw", good["raw"].cast(pa.float32()), "column raw is float"),
        ("end_to_end_id", pa.array([None, *good["end_to_end_id"].to_pylist()[1:]]), "row 1: column end_to_end_id"),
        ("probability", pa.array([None, *good["probability"].to_pylist()[1:]]), "column probability"),
    ]:
        path = tmp_path / "s.parquet"
        pq.write_table(good.set_column(good.schema.get_field_index(name), name, column), path)
        with pytest.raises(Refused, match=reason):
            scores.read(path, None)
