"""Notebooks run from the first cell to the last, hold no logic, no outputs, and open in Databricks."""

import ast
import pathlib
import runpy

import matplotlib as mpl
import pytest
from conftest import decision, label
from mlops_world import CUT, EARLY, TREES, pixctl, report_expectations, world
from test_lake import DAY, HOUR

mpl.use("agg")
import pyarrow.parquet as pq
from matplotlib import pyplot as plt

from sentinela_mlops import cli
from sentinela_mlops.registry import Registry

NOTEBOOKS = pathlib.Path(__file__).parents[1] / "notebooks"
MODEL = "notebooks.test.payer"


@pytest.fixture(autouse=True)
def closed():
    """Let go of the pictures."""
    yield
    plt.close("all")


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.iterdir()), ids=lambda p: p.name)
def test_a_notebook_opens_in_databricks_and_holds_no_logic(path):
    text = path.read_text()
    assert path.suffix == ".py" and text.startswith("# Databricks notebook source\n")
    assert "\n# COMMAND ----------\n" in text
    logic = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.With, ast.Lambda, ast.ListComp)
    assert [n for n in ast.walk(ast.parse(text)) if isinstance(n, logic)] == []


def test_explore_lake(bench, monkeypatch, capsys):
    rows = [decision(n, outcome="APPROVE" if n % 4 else "REVIEW") for n in range(12)]
    bench.export("decisions", [*rows, decision(20, amount_centavos=0)])
    bench.export("labels", [label(3, HOUR), label(6, 2 * DAY, typology=None)])
    bench.settle()
    monkeypatch.setenv("SENTINELA_LAKE", str(bench.root))
    monkeypatch.setenv("SENTINELA_GOLD", str(bench.gold()))
    left = runpy.run_path(str(NOTEBOOKS / "explore_lake.py"))
    assert left["decided"].to_dict("records") == [{"APPROVE": 9, "REVIEW": 3}]
    assert [round(h) for h in left["delays"]["hours"]] == [1, 48]
    assert left["psi"].iloc[0] > left["psi"].iloc[-1]
    assert len(plt.get_fignums()) == 3
    assert "decisions" in capsys.readouterr().out.rpartition("reason")[2]  # what was left out


def test_train_challenger(tmp_path, monkeypatch, capsys):
    store, gold = f"sqlite:///{tmp_path}/mlflow.db", tmp_path / "gold.parquet"
    pq.write_table(world(), gold)
    report_expectations(tmp_path / "expectations.json", gold)
    fixed = ["--store", store, "--model", MODEL, "--pixctl", str(pixctl().binary)]
    size = ["--trees", str(TREES), "--leaves", "7"]
    assert cli.main(["init", *fixed]) == 0
    assert cli.main(["train", *fixed, "--gold", str(gold), "--until", EARLY, *size]) == 0
    assert cli.main(["adopt", *fixed, "--version", "1"]) == 0
    settings = {
        "MLFLOW_TRACKING_URI": store, "SENTINELA_MODEL": MODEL, "SENTINELA_PIXCTL": str(pixctl().binary),
        "SENTINELA_GOLD": str(gold), "SENTINELA_CUT": CUT, "SENTINELA_TREES": str(TREES), "SENTINELA_LEAVES": "7",
        "SENTINELA_EXPECTATIONS": str(tmp_path / "expectations.json"),
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    left = runpy.run_path(str(NOTEBOOKS / "train_challenger.py"))
    assert "recall at 0.10% FPR" in capsys.readouterr().out
    registry = Registry(store, MODEL)
    assert registry.by_artefact("2").tags["gate"] == left["report"].verdict
    assert registry.champion().artefact == "1"  # nothing came into force
    assert len(plt.get_fignums()) == 1
