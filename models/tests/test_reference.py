"""The reference of an artefact: bins of the rows that a model was calibrated on, the same whenever it is written."""

import hashlib
import json
import pathlib
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import FEATURES, table

from sentinela_models import reference, scores, train, vectors

ROOT = pathlib.Path(__file__).parents[2]


def test_bins_hold_their_shares():
    """Deciles, an end for each value that many rows share, and what is missing in a bin of its own."""
    column = np.array([1.0, 1, 1, 1, 1, 2, 3, 4, np.nan, np.nan])
    weight = np.ones(10)
    edges = reference.cuts(column, weight)
    assert edges.tolist() == [1, 2, 3, 4]
    assert reference.shares(column, weight, edges).tolist() == [0.5, 0.1, 0.1, 0.1, 0, 0.2]
    assert reference.cuts(np.array([np.nan]), np.ones(1)).tolist() == []


def test_a_shift_is_told():
    then = np.array([0.5, 0.5, 0])
    assert reference.psi(then, then) == 0
    assert reference.psi(then, np.array([0.45, 0.55, 0])) < 0.1
    assert 0.25 < reference.psi(then, np.array([0, 0.5, 0.5])) < np.inf


@pytest.mark.parametrize("role", ["payer", "receiver"])
def test_shipped_models_have_one(role):
    """What moves with the date alone is not in it; the rest of what the model reads is."""
    for directory in (ROOT / "models" / role).iterdir():
        manifest = json.loads((directory / "manifest.json").read_text())
        data = (directory / reference.FILE).read_bytes()
        assert hashlib.sha256(data).hexdigest() == manifest["files"][reference.FILE]
        told = json.loads(data)
        assert [f["name"] for f in told["features"]] == [
            n for n in manifest["features"] if not reference.follows_clock(n)
        ]
        assert told["rows"] == manifest["validation"]["rows"]


def test_added_later_it_is_the_same(tmp_path, capsys):
    """An artefact that was exported without gets what the trainer writes, from the file that its manifest names."""
    source, later, contract = tmp_path / "v.parquet", tmp_path / "later.parquet", tmp_path / "features.json"
    rows = table()
    pq.write_table(rows, source)
    times = rows["event_time"].to_numpy()
    moved = times + (times.max() - times.min() + 1)
    pq.write_table(rows.set_column(rows.column_names.index("event_time"), "event_time", [moved]), later)
    contract.write_text(json.dumps({"version": "1-abc", "features": [{"name": n} for n in FEATURES]}))
    out = tmp_path / "payer" / "3"
    args = ["--vectors", str(source), "--evaluation", str(later), "--contract", str(contract), "--role", "payer"]
    assert train.main([*args, "--trees", "10", "--out", str(out), "--warmup-days", "0"]) == 0
    before = {name: (out / name).read_bytes() for name in (reference.FILE, "manifest.json")}
    manifest = json.loads(before["manifest.json"])
    assert set(manifest["files"]) == {"model.txt", "golden.json", reference.FILE}

    del manifest["files"][reference.FILE]
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    (out / reference.FILE).unlink()
    cut = vectors.iso(int(moved.min()))
    again = ["--contract", str(contract), "--cut", cut, str(out)]
    assert reference.main(["--vectors", str(source), *again]) == 0
    assert {name: (out / name).read_bytes() for name in before} == before
    assert scores.micros(cut) == int(moved.min())

    shutil.copy(later, tmp_path / "other.parquet")
    assert reference.main(["--vectors", str(tmp_path / "other.parquet"), *again]) == 1
    assert "its manifest names another file" in capsys.readouterr().err
