"""Training measured on a later table, baselines beside it, and the card."""

import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import DAY, table

from sentinela_models import card, split, train, vectors
from sentinela_models.errors import Refused

ROOT = pathlib.Path(__file__).parents[2]
REPORTS = ROOT / "scripts" / "pixctl" / "internal" / "evaluate" / "testdata"


def later(seed: int) -> pa.Table:
    t = table(seed=seed)
    for name in ("event_time", "label_arrived_at"):
        moved = pa.array([None if v is None else v + 40 * DAY for v in t.column(name).to_pylist()], pa.int64())
        t = t.set_column(t.schema.get_field_index(name), name, moved)
    ids = pa.array([i.replace("E99", "E98") for i in t.column("end_to_end_id").to_pylist()])
    return t.set_column(0, "end_to_end_id", ids)


@pytest.fixture
def files(tmp_path):
    pq.write_table(table(), tmp_path / "v.parquet")
    pq.write_table(later(9), tmp_path / "later.parquet")
    return tmp_path


def arguments(files: pathlib.Path, *more: str) -> list[str]:
    fixed = ["--role", "payer", "--feature-set", "1-abc", "--trained-at", "2026-02-01T00:00:00Z", "--trees", "20"]
    return ["--vectors", str(files / "v.parquet"), "--out", str(files / "payer" / "2"), *fixed, *more]


def test_measures_on_the_later_table(files):
    rows = pq.read_table(files / "later.parquet").to_pylist()
    mine = [r for r in rows if r["direction"] != "INBOUND" and r["event_time"] >= rows_begin(rows) + 7 * DAY]
    truth = [r["end_to_end_id"] for r in mine if r["label"] == 1][::2]
    lines = [json.dumps({"end_to_end_id": i, "fraud": True, "typology": "cloned_whatsapp"}) for i in truth]
    (files / "truth.jsonl").write_text("\n".join(lines) + "\n")
    more = ["--evaluation", str(files / "later.parquet"), "--truth", str(files / "truth.jsonl")]
    assert train.main(arguments(files, *more)) == 0
    m = json.loads((files / "payer" / "2" / "manifest.json").read_text())
    assert m["validation"]["to"] < m["evaluation"]["from"]
    assert (m["evaluation"]["rows"], m["evaluation"]["positives"]) == (len(mine), len(truth))
    assert set(m["evaluation"]["recall_by_typology"]) == {"cloned_whatsapp"}
    assert set(m["lineage"]) == {"vectors_sha256", "evaluation_vectors_sha256", "evaluation_truth_sha256"}


def rows_begin(rows: list[dict]) -> int:
    return min(r["event_time"] for r in rows if r["direction"] != "INBOUND")


def test_a_later_table_must_be_later(files, capsys):
    assert train.main(arguments(files, "--evaluation", str(files / "v.parquet"))) == 1
    assert "must begin after the end" in capsys.readouterr().err


def test_labels_after_the_cut_are_unknown(files):
    rows = vectors.read_vectors(files / "v.parquet", "payer", None)
    cut = int(rows.event_time[-1]) + 1
    training, validation = split.fitted(rows, cut)
    assert (validation.arrived_at[validation.label == 1] <= cut).all()
    assert ((validation.label == 0) & (validation.arrived_at > cut)).any()
    assert training.event_time[-1] <= validation.event_time[0]
    with pytest.raises(Refused, match="must begin after"):
        split.fitted(rows, cut - 2)


def write_versions(path, role, manifest, piece):
    """Write version 2, and a version 1 before it that was measured on the same payments only for the payer."""
    for version, precision, recall in (("1", 0.5, 0.75), ("2", 0.25, 0.875)):
        truth = "a" if role == "payer" else version
        told = {"average_precision": precision, "auc": 0.5, "recall_by_typology": {"mule_account": 0.5}}
        threshold = {"fpr": 0.001, "recall": recall, "precision": 0.1}
        full = manifest | {"version": version, "thresholds": [threshold], "evaluation": piece | told}
        full |= {"lineage": {"evaluation_truth_sha256": truth}}
        directory = path / ("shipped" if version == "1" else ".") / role / version
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "manifest.json").write_text(json.dumps(full))


def test_card_says_what_was_measured(tmp_path):
    world = {"seed": 1, "accounts": 10, "days": 9, "start": "2026-01-05", "boost": 3.0}
    world |= {"events": 1000, "frauds": 7, "labels": 6, "per_100k": 7.0}
    run = {"version": "2", "warmup_days": 7, "training_world": world, "evaluation_world": world}
    (tmp_path / "run.json").write_text(json.dumps(run))
    for role in ("payer", "receiver"):
        report = json.loads((REPORTS / f"{role}.json").read_text())
        beside = report["beside"][0]
        report["beside"] = [{**beside, "model": f"{role}/{kind}"} for kind in ("2", "rules", "logistic")]
        (tmp_path / role / "2").mkdir(parents=True)
        for name in ("model", "together"):
            (tmp_path / role / f"{name}.json").write_text(json.dumps(report))
        piece = {"from": "2026-01-05", "to": "2026-01-09", "rows": 5, "positives": 1}
        manifest = {"version": "2", "trained_at": "2026-02-01", "lightgbm_version": "4", "trees": 3, "leaves": 9}
        manifest |= {"feature_set": "1-a", "features": ["pair_trusted"], "files": {"model.txt": "ab" * 32}}
        manifest |= dict.fromkeys(("training", "validation"), piece)
        write_versions(tmp_path, role, manifest, piece)
    where = ["--run", str(tmp_path), "--models", str(tmp_path), "--out", str(tmp_path / "card.md")]
    assert card.main(where) == 0
    assert "version before" not in (tmp_path / "card.md").read_text()
    assert card.main([*where, "--shipped", str(tmp_path / "shipped")]) == 0
    text = (tmp_path / "card.md").read_text()
    assert "| average precision | 0.5000 | 0.2500 | -0.2500 |" in text
    assert "| recall at FPR 0.10% | 0.7500 | 0.8750 | +0.1250 |" in text
    assert "receiver/1" not in text  # it was measured on other payments
    wanted = ["## Fairness", "**missed**", "swapped qr", "never reported", "`pair_trusted`", "receiver/2"]
    for want in [*wanted, "model + rules over logistic"]:
        assert want in text, want
    prose = [line for line in text.splitlines() if not line.startswith(("|", "!", "#"))]
    assert max(len(line) for line in prose) <= 120
