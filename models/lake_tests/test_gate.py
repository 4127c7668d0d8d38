"""The gate lets an honest candidate through and refuses each kind of spoilt one, by the check that is meant for it."""

import dataclasses
import json
import shutil

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlops_world import (
    BOUNDS,
    CHECKED,
    NEWEST,
    Alike,
    Made,
    champion,
    gathered,
    honest,
    judge,
    pixctl,
    report_expectations,
    train,
    window,
    world,
)

from sentinela_mlops import artefacts, evidence, gate, poison
from sentinela_models.errors import Refused


def verdicts(report: gate.Report) -> dict[str, str]:
    return {c.name: c.verdict for c in report.checks}


def test_an_honest_candidate_passes_with_go(tmp_path):
    report = judge(honest(), tmp_path, pixctl())
    assert report.verdict == gate.PASSED, report.table()
    assert report.failed == []
    doc = json.loads(report.json())
    assert doc["verdict"] == "passed" and doc["candidate"] == "payer/2" and doc["champion"] == "payer/1"
    assert all(set(c) == {"name", "figure", "bound", "verdict", "detail"} for c in doc["checks"])
    assert "recall at 0.10% FPR" in report.table()


@pytest.mark.parametrize(
    ("kind", "check"),
    [
        ("flipped", "recall at 0.10% FPR"),
        ("leak", "leaking feature"),
        ("forgotten", "typologies"),
        ("shifted", "drift"),
        ("repeated", "repeated rows"),
    ],
)
def test_poisoned_training_is_refused(tmp_path, kind, check):
    spoilt = train(poison.KINDS[kind](world()), tmp_path, "3")
    report = judge(spoilt, tmp_path / "judged")
    assert report.verdict == gate.REFUSED
    assert check in report.failed, report.table()


def test_a_model_that_saw_the_window_is_refused(tmp_path):
    seen = train(world(), tmp_path, "3", until="")
    report = judge(seen, tmp_path / "judged")
    assert {"candidate learnt before", "rows learnt by heart"} <= set(report.failed), report.table()
    moved = dataclasses.replace(honest(), learnt=dataclasses.replace(honest().learnt, marks=seen.learnt.marks))
    assert judge(moved, tmp_path / "moved").failed == ["rows learnt by heart"]  # whatever its manifest says


def test_a_champion_that_saw_the_window_is_no_measure(tmp_path):
    assert "champion learnt before" in judge(honest(), tmp_path, since="2026-01-05T00:00:00Z").failed


def forged(tmp_path, made: Made, text) -> Made:
    copy = tmp_path / "payer" / made.directory.name
    shutil.copytree(made.directory, copy)
    text(copy)
    return dataclasses.replace(made, directory=copy)


def test_a_forged_artefact_is_refused_by_go(tmp_path):
    def other_leaf(copy):
        text = (copy / "model.txt").read_text()
        (copy / "model.txt").write_text(text.replace("leaf_value=", "leaf_value=1", 1))

    report = judge(forged(tmp_path, honest(), other_leaf), tmp_path / "judged", pixctl())
    assert report.failed == ["candidate artefact"] and "pixctl model verify" in report.checks[0].detail


def test_a_swapped_champion_is_refused(tmp_path):
    swapped = dataclasses.replace(champion().candidate(), directory=honest().directory)
    found = evidence.gather(honest().candidate(), swapped, honest().learnt, window(tmp_path), CHECKED, Alike())
    report = gate.judge(found, BOUNDS)
    assert report.failed == ["champion artefact"] and "not those that were registered" in report.checks[1].detail


def test_scores_that_differ_between_go_and_python_are_refused():
    found = gathered()
    assert verdicts(gate.judge(found, BOUNDS))["parity of Go and Python"] == gate.PASSED
    off = found.served.copy()
    off[3, 0] += 1e-8
    assert gate.judge(dataclasses.replace(found, served=off), BOUNDS).failed == ["parity of Go and Python"]
    off[3, 0] = np.nan
    assert gate.judge(dataclasses.replace(found, served=off), BOUNDS).failed == ["parity of Go and Python"]
    few = gate.judge(dataclasses.replace(found, served=found.served[:999]), BOUNDS)
    assert verdicts(few)["parity of Go and Python"] == gate.INSUFFICIENT and few.verdict == gate.REFUSED


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"expectations": None}, "data expectations"),
        ({"expectations": ["label_not_before_payment failed for 3 rows"]}, "data expectations"),
        ({"size_refusal": "5000 trees are more than the 4096 that the scorer takes"}, "size"),
        ({"covered": False}, "golden coverage"),
    ],
)
def test_what_was_found_elsewhere_is_refused(change, check):
    assert gate.judge(dataclasses.replace(gathered(), **change), BOUNDS).failed == [check]


def test_slower_is_refused_only_beyond_what_the_scorer_affords():
    found = gathered()
    slow = dataclasses.replace(found.candidate, seconds=2.1, steps=100)
    assert gate.judge(dataclasses.replace(found, candidate=slow), BOUNDS).verdict == gate.PASSED
    heavy = dataclasses.replace(slow, steps=6001)
    assert gate.judge(dataclasses.replace(found, candidate=heavy), BOUNDS).failed == ["latency"]
    quick = dataclasses.replace(heavy, seconds=1.9)
    assert gate.judge(dataclasses.replace(found, candidate=quick), BOUNDS).verdict == gate.PASSED


def test_too_little_evidence_is_a_refusal_that_says_what_is_missing(tmp_path):
    report = judge(honest(), tmp_path, since="2026-01-30T12:00:00Z")
    found = {c.name: c for c in report.checks}
    assert report.verdict == gate.REFUSED
    assert found["evidence"].verdict == gate.INSUFFICIENT and "100 are needed" in found["evidence"].detail


def test_wrong_probabilities_are_refused():
    found = gathered()
    wrong = dataclasses.replace(found.candidate, probability=found.candidate.probability / 4)
    served = np.column_stack([found.candidate.raw, wrong.probability])[-len(found.served) :]
    report = gate.judge(dataclasses.replace(found, candidate=wrong, served=served), BOUNDS)
    assert "calibration" in report.failed


def test_each_model_is_scored_on_its_own_columns(tmp_path):
    """The champion's list is older: it lacks a feature that stands in the middle of the candidate's."""
    old, new = (artefacts.read(made.directory) for made in (champion(), honest()))
    assert [n for n in new.manifest["features"] if n not in old.manifest["features"]] == [NEWEST]
    rows = window(tmp_path).rows
    found = gathered()
    at = [rows.features.index(n) for n in old.manifest["features"]]
    alone = lightgbm.Booster(model_str=old.text).predict(rows.x[:, at], raw_score=True)
    assert np.array_equal(found.champion.raw, alone)
    assert NEWEST in found.profile.features and len(found.profile.features) < len(rows.features)
    with pytest.raises(Refused, match=f"reads {NEWEST}, which the rows do not have"):
        new.score(rows.x[:, at], old.manifest["features"])


def test_expectations_are_read_strictly(tmp_path):
    path, gold = tmp_path / "e.json", tmp_path / "gold.parquet"
    pq.write_table(pa.table({"n": [1]}), gold)

    def read() -> evidence.Expected:
        return evidence.read_expectations(path, gold)

    assert read().failed is None
    report_expectations(path, gold)
    told = read()
    assert told.failed == [] and told.sha256 == told.gold_sha256
    path.write_text('{"passed": false, "failed": [], "files": {}}')
    assert read().failed
    for text in ('{"passed": true, "files": {}}', '{"passed": true, "failed": []}', "[]", "{"):
        path.write_text(text)
        with pytest.raises(Refused, match="no report"):
            read()


def test_a_report_of_other_files_is_no_report(tmp_path):
    """Every file that is read must be one that was checked; what else was checked does not matter."""
    path, gold = tmp_path / "e.json", tmp_path / "gold"
    gold.mkdir()
    for name, n in (("a", 1), ("b", 2)):
        pq.write_table(pa.table({"n": [n]}), gold / f"{name}.parquet")
    report_expectations(path, gold)

    def refused() -> bool:
        told = evidence.read_expectations(path, gold)
        given = {"gold_sha256": told.gold_sha256, "expected_sha256": told.sha256}
        report = gate.judge(dataclasses.replace(gathered(), **given), BOUNDS)
        return report.failed == ["data expectations"]

    assert not refused()
    (gold / "b.parquet").unlink()
    assert not refused()
    pq.write_table(pa.table({"n": [3]}), gold / "a.parquet")
    assert refused()
    report_expectations(path, gold)
    pq.write_table(pa.table({"n": [4]}), gold / "c.parquet")
    assert refused()
