"""The gate's own measure: labels are cut, separation counts ties, and every kind gets a line."""

import pathlib

import numpy as np
import pyarrow.parquet as pq
import pytest
from mlops_world import CUT, world

from sentinela_mlops import experiment, gate, gold, profile
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


def test_a_false_report_of_a_boosted_world_is_not_most_of_what_a_window_saw(tmp_path):
    rows = world()
    fraud = np.flatnonzero(rows["label"].to_numpy() == 1)
    weight = np.where(rows["label"].to_numpy() == 1, 1e-3, 1.0)
    weight[fraud[0]] = 1.0  # nobody can tell it from a true one
    pq.write_table(gold.put(rows, "split_weight", weight), tmp_path / "w.parquet")
    v = gold.window(tmp_path / "w.parquet", "payer", vectors.read_contract(experiment.CONTRACT)).rows
    assert (v.weight * v.label).sum() < 1.1e-3 * v.label.sum() and v.weight[v.label == 0].min() == 1


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
    told = experiment.read(results)[1]
    assert [(r["world"], r["kind"]) for r in told] == [("one", "equal"), ("one", "repeated")]
    assert "repeated rows" in told[1]["failed"]
    assert [len(ends) for ends in told[0]["again"]] == [experiment.AGAIN] * 3
    said = capsys.readouterr().out
    assert "| repeated | 1 | 0 | 0 | 1 |" in said and "lower end above the truth at 0.01% FPR" in said
    assert "power of 80 % at 0.10% FPR" in said


def test_a_world_is_simulated_once_and_only_its_vectors_are_kept(tmp_path, monkeypatch):
    """The stand-in for pixctl writes what pixctl would; a world that is judged already is not asked for again."""
    asked = []

    class Stub:
        def __init__(self, binary):
            pass

        def run(self, command, *args):
            asked.append((command, args))
            out = next(pathlib.Path(a.removeprefix("-out=")) for a in reversed(args) if a.startswith(("-out=", "/")))
            if command == "vectors":
                return pq.write_table(world(), out)
            return [(out / f"{name}.jsonl").touch() for name in ("events", "labels", "statuses", "truth")]

    kept = experiment.simulated(7, Stub(None), tmp_path / "7")
    assert [p.name for p in kept.parent.iterdir()] == ["vectors.parquet"]
    assert [command for command, _ in asked] == ["simulate", "vectors"] and "7" in asked[0][1]
    monkeypatch.setattr(experiment, "Pixctl", Stub)
    line = ["--results", str(tmp_path / "r"), "--kinds", "leak"]
    judged_without(monkeypatch, ["some/vectors.parquet", *line])
    with (tmp_path / "r").open("a") as f:
        f.write('{"world": "7", "role": "payer", "kind": "leak", "verdict": "refused", "failed": []}\n')
    assert experiment.main([*line, "--seeds", "7-7"]) == 0
    assert len(asked) == 2


def judged_without(monkeypatch, line: list[str]) -> None:
    """Run the command as if there were nothing to do in a world."""
    with monkeypatch.context() as m:
        m.setattr(experiment, "run", lambda *_: None)
        assert experiment.main(line) == 0


def test_results_keep_their_settings_and_take_no_others(tmp_path, monkeypatch, capsys):
    results = tmp_path / "results.jsonl"
    line = ["some/vectors.parquet", "--results", str(results), "--trees", "5"]
    judged_without(monkeypatch, [*line, "--role", "payer", "--kinds", "equal"])
    judged_without(monkeypatch, [*line, "--role", "receiver"])  # what a line of it names may be another
    made, done = experiment.read(results)
    wanted = {"trees": 5, "window_days": 12, "accounts": experiment.ACCOUNTS, "fraud_boost": experiment.BOOST}
    assert made.items() >= wanted.items() and made["bounds"]["psi"] == gate.Bounds().psi and done == []
    before = results.read_bytes()
    monkeypatch.setattr(experiment, "ACCOUNTS", 5)
    assert experiment.main([*line, "--window-days", "11"]) == 1
    assert results.read_bytes() == before
    said = capsys.readouterr().err
    assert "was made with other settings (window_days, accounts): name them, or another file" in said
    results.write_text('{"world": "7", "role": "payer", "kind": "leak", "verdict": "refused", "failed": []}\n')
    assert experiment.main(line) == 1  # of unknown settings
    assert experiment.main(["--results", str(results)]) == 0  # to print adds nothing
    assert "| leak | 1 | 0 | 0 | 1 |" in capsys.readouterr().out


def test_a_refusal_for_want_of_frauds_alone_is_told_apart():
    of = [{"kind": "honest", "verdict": v, "failed": ["recall"]} for v in ("insufficient", "refused", "refused")]
    assert "| honest | 3 | 0 | 1 | 2 | 0% to 56% | recall 3 |" in experiment.summary(of)


def test_windows_are_drawn_by_account():
    rows = np.arange(6)
    w = gold.Window(None, np.array([0, 0, 1, 2, 2, 2]), None)
    drawn, account = experiment.redrawn(w, 3)
    assert set(drawn) <= set(rows)
    for copy in np.unique(account):  # a copy of an account has all of its rows, once
        own = drawn[account == copy]
        assert sorted(own) == np.flatnonzero(w.account == w.account[own[0]]).tolist()
