"""Measures the gate itself: how often it refuses an honest candidate and lets a spoilt one through.

python -m sentinela_mlops.experiment WORLD.parquet... takes tables of `pixctl vectors`, one for each simulated world. In
each the champion learns from the first half, candidates learn from all days before the window, and the window is the
last days. It prints one JSON line for each world and candidate, then the rates.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import sys
import tempfile

import pyarrow as pa
import pyarrow.compute as pc

from sentinela_mlops import artefacts, evidence, gate, gold, poison, training
from sentinela_mlops.cli import CONTRACT, ROOT
from sentinela_mlops.pixctl import Pixctl
from sentinela_models import scores, vectors
from sentinela_models import train as trainer
from sentinela_models.errors import Refused

HONEST = ("honest", "equal")  # learnt from more rows than the champion; from the champion's rows with another seed


@dataclasses.dataclass(frozen=True)
class World:
    """One world, cut."""

    rows: pa.Table
    role: str
    middle: str  # the champion's rows end
    cut: str  # the window begins
    trees: int


def world(path: pathlib.Path, a: argparse.Namespace, contract: vectors.Contract) -> World:
    """Read and cut one world."""
    rows = gold.read(path, a.role, contract)
    ends = pc.min_max(rows["event_time"]).as_py()
    cut = ends["max"] - int(a.window_days * scores.DAY)
    middle = ends["min"] + int(a.champion_share * (cut - ends["min"]))
    return World(rows, a.role, vectors.iso(middle), vectors.iso(cut), a.trees)


def learn(w: World, kind: str, root: pathlib.Path, seed: int) -> tuple[evidence.Candidate, evidence.Learnt]:
    """Train one kind of candidate, or the champion."""
    until = w.middle if kind in ("champion", "equal") else w.cut
    spoil = poison.KINDS.get(kind, lambda table: table)
    rows = gold.write(spoil(w.rows), root / f"{kind}.parquet", until=until)
    o = training.options_of(
        training.Request(root, CONTRACT, trees=w.trees, seed=seed), w.role, rows, root / w.role / kind
    )
    trainer.run(o)
    learnt = training.look(o, vectors.read_contract(CONTRACT))
    return evidence.Candidate(o.out, artefacts.read(o.out).sha256), learnt


def run(path: pathlib.Path, a: argparse.Namespace) -> dict[str, bool]:
    """Judge every kind in one world; return which passed."""
    contract = vectors.read_contract(CONTRACT)
    w = world(path, a, contract)
    passed = {}
    with tempfile.TemporaryDirectory() as tmp:
        root = pathlib.Path(tmp)
        window = gold.window(gold.write(w.rows, root / "window.parquet", since=w.cut), w.role, contract)
        champion, _ = learn(w, "champion", root, 7)
        for kind in a.kinds:
            try:
                candidate, learnt = learn(w, kind, root, 8)
                found = evidence.gather(candidate, champion, learnt, window, [], Pixctl(a.pixctl))
            except Refused as e:  # the trainer's own refusal comes before the gate's
                print(
                    json.dumps({"world": str(path), "kind": kind, "verdict": "refused", "failed": [str(e)]}), flush=True
                )
                passed[kind] = False
                continue
            report = gate.judge(found)
            passed[kind] = report.verdict == gate.PASSED
            figures = {c.name: [gate.show(c.figure), c.verdict, c.detail] for c in report.checks}
            told = {"world": str(path), "kind": kind, "verdict": report.verdict, "failed": report.failed}
            print(json.dumps(told | {"frauds": report.window["frauds"], "checks": figures}), flush=True)
    return passed


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_mlops.experiment", description=__doc__)
    p.add_argument("worlds", nargs="+", type=pathlib.Path, help="tables of pixctl vectors")
    p.add_argument("--role", choices=sorted(vectors.ROLE_DIRECTIONS), default="payer")
    p.add_argument("--pixctl", type=pathlib.Path, default=ROOT / "build" / "pixctl")
    p.add_argument("--window-days", type=float, default=8)
    p.add_argument("--champion-share", type=float, default=0.5, help="of the time before the window")
    p.add_argument("--trees", type=int, default=150)
    p.add_argument("--kinds", nargs="+", default=[*HONEST, *poison.KINDS], choices=[*HONEST, *poison.KINDS])
    a = p.parse_args(sys.argv[1:] if argv is None else argv)
    results = [run(path, a) for path in a.worlds]
    for kind in a.kinds:
        passed = sum(r[kind] for r in results)
        print(f"{kind}: {passed} of {len(results)} passed", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
