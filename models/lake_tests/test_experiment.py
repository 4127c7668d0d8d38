"""The gate's own measure: labels are cut, separation counts ties, and every kind gets a line."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from mlops_world import CUT, world

from sentinela_mlops import experiment, gold, profile
from sentinela_models import vectors


def test_labels_that_arrived_after_the_cut_are_unknown():
    before, cut = (
        world().select(list(vectors.FIXED_COLUMNS)),
        int(np.datetime64(CUT.rstrip("Z"), "us").astype(np.int64)),
    )
    after = gold.known(before, CUT)
    late = before["label_arrived_at"].fill_null(0).to_numpy() > cut
    assert late.any() and after.schema == before.schema
    assert (after["label"].to_numpy() == np.where(late, 0, before["label"].to_numpy())).all()
    assert set(np.array(after["typology"].to_pylist())[late]) == {""}
    assert after["label_arrived_at"].null_count == before["label_arrived_at"].null_count + late.sum()
    assert gold.known(before, "2027-01-01T00:00:00Z").equals(before)


def test_rows_without_a_value_tie():
    """Only every second row has a value, and it says nothing: in their order missing ones would tell all."""
    n = 400
    label = (np.arange(n) >= n // 2).astype(np.int8)
    column = np.where(np.arange(n) % 2 == 0, 1.0, np.nan)
    assert profile.separation(column, label, np.ones(n)) == pytest.approx(0.5)
    assert profile.separation(np.full(n, np.nan), label, np.ones(n)) == 0.5
    assert profile.separation(np.where(label == 1, np.nan, 1.0), label, np.ones(n)) == 1.0


def test_every_kind_gets_a_line_once(tmp_path, capsys):
    table = tmp_path / "one" / "vectors.parquet"
    table.parent.mkdir()
    pq.write_table(world(), table)
    results = tmp_path / "results.jsonl"
    line = [str(table), "--results", str(results), "--trees", "5", "--leaves", "4", "--kinds", "equal", "repeated"]
    line += ["--window-days", "8", "--warmup-days", "0", "--leave-out", ""]
    for _ in range(2):
        assert experiment.main(line) == 0
    told = [json.loads(text) for text in results.read_text().splitlines()]
    assert [(r["world"], r["kind"]) for r in told] == [("one", "equal"), ("one", "repeated")]
    assert "repeated rows" in told[1]["failed"]
    assert [len(ends) for ends in told[0]["again"]] == [experiment.AGAIN] * 3
    said = capsys.readouterr().out
    assert "| repeated | 1 | 0 | 0 | 1 |" in said and "lower end above the truth at 0.01% FPR" in said
    assert "power of 80 % at 0.10% FPR" in said


def test_windows_are_drawn_by_account():
    rows = np.arange(6)
    w = gold.Window(None, np.array([0, 0, 1, 2, 2, 2]), None)
    drawn, account = experiment.redrawn(w, 3)
    assert set(drawn) <= set(rows)
    for copy in np.unique(account):  # a copy of an account has all of its rows, once
        own = drawn[account == copy]
        assert sorted(own) == np.flatnonzero(w.account == w.account[own[0]]).tolist()
