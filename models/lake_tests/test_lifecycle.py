"""The loop's own pieces, and the page that explains refusals, held to the code."""

import collections
import json
import pathlib
import re

import pytest

from sentinela_lake import cli as lake
from sentinela_loop import cli, cloud
from sentinela_loop.result import Result
from sentinela_mlops import cli as mlops
from sentinela_models import reference
from sentinela_models.errors import Refused

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mlops-lifecycle.md"
GATE = ROOT / "models" / "src" / "sentinela_mlops" / "gate.py"
GOOD = {
    "decisions": 9, "exported": 9, "spark_rows": 9, "labels": 2, "shadow_scores": 20,
    "champion_before": "payer/1", "served_before": "payer/1", "champion_after": "payer/2", "served_version": "payer/2",
}  # fmt: skip


def checks() -> set[str]:
    """Return the names of all checks of the gate."""
    source = GATE.read_text()
    names = set(re.findall(r'\b(?:line|Check|integrity)\(\s*"([^"]+)"', source)) - {"calibration"}
    names |= set(re.findall(r'\("([a-z ]+ learnt before)", e\.', source))
    names |= {"calibration", "calibration of alerts"}
    return names | {f"recall at {level}% FPR" for level in ("0.10", "0.05", "0.01")}


def test_the_page_explains_every_refusal():
    assert len(checks()) >= 20
    text = PAGE.read_text()
    assert sorted(name for name in checks() if f"`{name}`" not in text) == []


def test_the_page_names_commands_that_exist():
    text = PAGE.read_text()
    for name in re.findall(r"sentinela-mlops (\w+)", text):
        assert name in mlops.COMMANDS, name
    steps = next(a for a in lake.parser()._actions if a.dest == "step").choices
    for name in re.findall(r"sentinela-lake (\w+)", text):
        assert name in steps, name


def good() -> Result:
    result = Result(**GOOD)
    result.gate = {
        "honest": {"version": "2", "verdict": "passed", "failed": []},
        "poisoned": {"version": "3", "verdict": "refused", "failed": ["leaking feature"]},
    }
    return result


def test_the_line_has_the_agreed_names():
    line = json.loads(json.dumps(good().line()))
    assert list(line) == [
        "decisions", "exported", "labels", "lost", "doubled", "spark_rows", "champion_before", "champion_after",
        "served_version", "gate",
    ]  # fmt: skip
    assert "refused by leaking feature" in good().summary() and "WRONG" not in good().summary()


def test_whatever_does_not_hold_is_told_and_fails_the_run():
    assert good().wrong() == []
    spoilt = [
        ("lost", 1), ("doubled", 1), ("spark_rows", 8), ("exported", 8), ("shadow_scores", 0),
        ("champion_after", "payer/1"), ("served_version", "payer/1"), ("served_before", "payer/5"),
        ("gate", {}),
        ("gate", {**good().gate, "honest": good().gate["poisoned"]}),
        ("gate", {**good().gate, "poisoned": good().gate["honest"]}),
    ]  # fmt: skip
    for name, value in spoilt:
        result = good()
        setattr(result, name, value)
        assert result.wrong(), name
        assert "WRONG" in result.summary()


def test_without_java_one_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(cli, "java", lambda: 11)
    assert cli.main([]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "openjdk-17-jre-headless" in said


def test_a_scorer_is_asked_about_our_customers_payments_of_the_past(tmp_path):
    rows = [{"direction": d, "n": n} for n, d in enumerate(["DIRECTION_OUTBOUND", "DIRECTION_INBOUND"] * 6)]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    kept = [json.loads(p) for p in cloud.outgoing(tmp_path / "events.jsonl", 3)]
    assert [k["n"] for k in kept] == [0, 2, 4]


def test_no_payment_is_asked_about_twice(monkeypatch):
    asked = []
    monkeypatch.setattr(cloud.Scorer, "ask", lambda self, p: asked.append(p) or {"modelVersions": {"payer": "2"}})
    scorer = cloud.Scorer("", "", collections.deque(bytes([n]) for n in range(2 * cloud.AT_ONCE)))
    assert scorer.serves("payer", "2") == {"2"} and scorer.versions("payer") == {"2"}
    assert len(set(asked)) == len(asked) == 2 * cloud.AT_ONCE
    with pytest.raises(Refused, match="larger"):
        scorer.versions("payer")


def test_no_feature_of_the_date_alone_is_held_to_drift():
    listed = json.loads((ROOT / "models" / "contract" / "features.json").read_text())["features"]
    of_the_clock = {"hour", "night"}  # a day has all of them
    assert {f["name"] for f in listed if f["family"] == "time"} - of_the_clock == reference.CALENDAR
