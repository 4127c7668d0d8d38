"""What a small world's models owe to each choice: every way to train gets a line, and each changes what it says."""

import json

import numpy as np
import pyarrow.parquet as pq
from mlops_world import world

from sentinela_mlops import ablation
from sentinela_models import split, vectors


def test_every_way_gets_a_line(tmp_path, capsys, monkeypatch):
    table = world()
    pq.write_table(table, tmp_path / "vectors.parquet")
    frauds = [i for i, told in zip(table["end_to_end_id"].to_pylist(), table["label"].to_pylist(), strict=True) if told]
    facts = [json.dumps({"end_to_end_id": i, "fraud": True, "typology": "mule_account"}) for i in frauds]
    (tmp_path / "truth.jsonl").write_text("\n".join(facts))
    few = [v for v in ablation.VARIANTS if v.name in ("and fitted to four fifths", "each fraud as one, all known")]
    monkeypatch.setattr(ablation, "VARIANTS", few)
    files = [str(tmp_path / name) for name in ("vectors.parquet", "truth.jsonl")]
    assert ablation.main([*files, "--window-days", "8", "--warmup-days", "0", "--trees", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == ["| the shipped model", *(f"| {v.name}" for v in few)]
    assert all(" to " in cell for line in lines for cell in line.split(" | ")[2:])


def test_a_change_is_one_change():
    n = 3_000
    label = (np.arange(n) % 10 == 0).astype(np.int8)
    times = np.arange(n) * 60_000_000
    ids = np.array([f"E{i}" for i in range(n)])
    x, weight = np.zeros((n, 1)), np.where(label == 1, 0.01, 1.0)
    rows = vectors.Vectors(["a"], x, label, weight, times, np.where(label, "fraud", ""), times * 1.0, ids)
    usual, even, stopped = split.by_time(rows), ablation.evenly(rows), ablation.evenly(rows, stop=True)
    assert (even.training.weight == 1).all() and (stopped.validation.weight == 1).all()
    assert (even.validation.weight == usual.validation.weight).all()
    assert (even.training.label == usual.training.label).all()
    more = ablation.longer(rows)
    assert len(more.training.label) > len(usual.training.label) and (more.training.weight == 1).all()
