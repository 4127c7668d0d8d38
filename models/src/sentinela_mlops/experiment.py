"""Measures the gate itself: how often it refuses an honest candidate and lets a spoilt one through.

python -m sentinela_mlops.experiment --results FILE WORLD.parquet... takes tables of `pixctl vectors`, one for each
simulated world. In each the champion learns from the first half, candidates learn from all days before the window, and
the window is the last days. FILE gets one JSON line for each world and candidate; what it has is not done again.
Without worlds only its rates are printed, each with its 95 % interval by Wilson, and which check caught what.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import math
import pathlib
import sys
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sentinela_mlops import artefacts, compare, evidence, gate, gold, poison, training
from sentinela_mlops.cli import CONTRACT
from sentinela_mlops.pixctl import Pixctl
from sentinela_models import bootstrap, scores, vectors
from sentinela_models import train as trainer
from sentinela_models.errors import Refused

# More rows than the champion; the champion's rows with another seed; every second feature; half the champion's rows.
OWN = ("honest", "equal", "fewer_features", "fewer_rows")
AGAIN = 10  # windows drawn from one by its accounts, in which the gate's interval is held against the difference there


class InPython(Pixctl):
    """A Go side that serves whatever it is given and scores as LightGBM does: quick, where Go is not in question."""

    def __init__(self) -> None:
        super().__init__(pathlib.Path("/none"))

    def verify(self, directory: pathlib.Path) -> dict:
        """Verify nothing."""
        return {}

    def score(self, directory: pathlib.Path, table: pathlib.Path, out: pathlib.Path) -> dict:
        """Score with LightGBM; the time is made up, one and the same for every model."""
        a = artefacts.read(directory)
        rows = pq.read_table(table, filters=[("direction", "in", list(vectors.ROLE_DIRECTIONS[a.manifest["role"]]))])
        raw, probability = a.score(np.column_stack([rows[n] for n in a.manifest["features"]]), a.manifest["features"])
        kept = rows.select(["end_to_end_id", "event_time"])
        pq.write_table(kept.append_column("raw", [raw]).append_column("probability", [probability]), out)
        return {"seconds": 1.0}


@dataclasses.dataclass(frozen=True)
class World:
    """One world, cut: rows to learn from, thinned, and the window."""

    name: str
    rows: pa.Table
    window: gold.Window
    middle: str  # RFC 3339: the champion's rows end
    quarter: str  # and those of who learnt from half as many


def world(path: pathlib.Path, a: argparse.Namespace, root: pathlib.Path) -> World:
    """Read and cut one world."""
    contract = vectors.read_contract(CONTRACT)
    rows = gold.read(path, a.role, contract)
    if a.unweighted:
        rows = poison.put(rows, "split_weight", np.ones(rows.num_rows))
    ends = pc.min_max(rows["event_time"]).as_py()
    ends["min"] += int(a.warmup_days * scores.DAY)
    rows = rows.filter(pc.greater_equal(rows["event_time"], ends["min"]))
    cut = ends["max"] - int(a.window_days * scores.DAY)
    middle = ends["min"] + int(a.champion_share * (cut - ends["min"]))
    window = gold.window(gold.write(rows, root / "window.parquet", since=vectors.iso(cut)), a.role, contract)
    before = rows.filter(pc.less(rows["event_time"], cut))
    quarter = vectors.iso((ends["min"] + middle) // 2)
    return World(path.parent.name, thin(before, a.role, a.negatives), window, vectors.iso(middle), quarter)


def thin(rows: pa.Table, role: str, negatives: int) -> pa.Table:
    """Keep the role's frauds and so many other rows, whose weights make up for it: each model is trained in seconds."""
    rows = rows.filter(pc.is_in(rows["direction"], pa.array(vectors.ROLE_DIRECTIONS[role])))
    fraud = rows["label"].to_numpy() == 1
    others = np.flatnonzero(~fraud)
    kept = np.random.default_rng(1).choice(others, min(negatives, len(others)), replace=False)
    few = rows.take(np.sort(np.concatenate([np.flatnonzero(fraud), kept])))
    factor = np.where(few["label"].to_numpy() == 1, 1.0, len(others) / len(kept))
    return poison.put(few, "split_weight", few["split_weight"].to_numpy() * factor)


def learn(w: World, kind: str, a: argparse.Namespace, root: pathlib.Path) -> tuple[evidence.Candidate, evidence.Learnt]:
    """Train one kind of candidate, or the champion."""
    until = {"champion": w.middle, "equal": w.middle, "fewer_rows": w.quarter}.get(kind, "")
    spoil = poison.KINDS.get(kind, lambda table: table)
    rows = gold.write(spoil(w.rows), root / f"{kind}.parquet", until=until)
    contract = half(root) if kind == "fewer_features" else CONTRACT
    r = training.Request(root, contract, trees=a.trees, leaves=a.leaves, seed=7 if kind == "champion" else 8)
    o = training.options_of(r, a.role, rows, root / a.role / kind)
    trainer.run(o)
    return evidence.Candidate(o.out, artefacts.read(o.out).sha256), training.look(o, vectors.read_contract(contract))


def half(root: pathlib.Path) -> pathlib.Path:
    """Write a contract of every second feature."""
    doc = json.loads(CONTRACT.read_text(encoding="utf-8"))
    out = root / "half.json"
    out.write_text(json.dumps({**doc, "features": doc["features"][::2]}), encoding="utf-8")
    return out


def run(path: pathlib.Path, a: argparse.Namespace, done: set[tuple[str, str, str]]) -> None:
    """Judge in one world every kind that is not done yet."""
    if not (kinds := [k for k in a.kinds if (path.parent.name, a.role, k) not in done]):
        return
    with tempfile.TemporaryDirectory() as tmp:
        root = pathlib.Path(tmp)
        w = world(path, a, root)
        champion, _ = learn(w, "champion", a, root)
        for kind in kinds:
            told = {"world": w.name, "role": a.role, "kind": kind, **tried(w, kind, champion, a, root)}
            with a.results.open("a", encoding="utf-8") as f:
                f.write(json.dumps(told) + "\n")


def tried(w: World, kind: str, champion: evidence.Candidate, a: argparse.Namespace, root: pathlib.Path) -> dict:
    """Train and judge one candidate."""
    try:
        candidate, learnt = learn(w, kind, a, root)
    except Refused as e:  # the trainer's own refusal comes before the gate's
        return {"verdict": gate.REFUSED, "failed": ["training"], "why": str(e)}
    found = evidence.gather(candidate, champion, learnt, w.window, [], Pixctl(a.pixctl) if a.pixctl else InPython())
    report = gate.judge(found)
    checks = {c.name: [c.figure, c.verdict, c.detail] for c in report.checks}
    told = {"verdict": report.verdict, "failed": report.failed, "frauds": report.window["frauds"], "checks": checks}
    return told | ({"again": again(found)} if kind in OWN else {})


def again(e: gate.Evidence) -> list[list[float]]:
    """Draw windows from the one by its accounts; return the lower ends less the difference that all of it has.

    One list for each false positive rate: an interval that holds what it promises is above 0 in 5 % of them.
    """
    levels = tuple(level for level, _ in gate.Bounds().margins)
    told = (e.candidate.raw, e.champion.raw)
    truth = [d.gain for d in compare.recalls(*told, e.window, levels, 1, 1)]
    out: list[list[float]] = [[] for _ in levels]
    for drawn in range(AGAIN):
        rows, account = redrawn(e.window, drawn)
        w = gold.Window(e.window.rows.take(rows), account, e.window.table)
        found = compare.recalls(told[0][rows], told[1][rows], w, levels, 100, 1)
        for lower, d, t in zip(out, found, truth, strict=True):
            lower.append(round(d.lower - t, 4))
    return out


def redrawn(w: gold.Window, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of accounts that were drawn with replacement; one that was drawn twice is two accounts."""
    times = bootstrap.draw(int(w.account.max()) + 1, 1000, seed).astype(int)[w.account]
    rows = np.repeat(np.arange(len(times)), times)
    copy = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
    return rows, np.unique(w.account[rows] * 100 + copy, return_inverse=True)[1]


def read_results(path: pathlib.Path) -> list[dict]:
    """Read what is done."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    z2 = 1.96**2
    middle, half_width = hits + z2 / 2, 1.96 * math.sqrt(hits * (n - hits) / n + z2 / 4)
    return (middle - half_width) / (n + z2), (middle + half_width) / (n + z2)


def summary(results: list[dict]) -> str:
    """Write the rates: of each kind how many passed, and which checks refused the others."""
    lines = ["| candidate | judged | passed | share passed, 95 % | refused by |", "|---|---|---|---|---|"]
    for kind in dict.fromkeys(r["kind"] for r in results):
        of = [r for r in results if r["kind"] == kind]
        passed = sum(r["verdict"] == gate.PASSED for r in of)
        low, high = wilson(passed, len(of))
        caught = collections.Counter(name for r in of for name in r["failed"]).most_common()
        why = ", ".join(f"{name} {n}" for name, n in caught)
        lines.append(f"| {kind} | {len(of)} | {passed} | {low:.0%} to {high:.0%} | {why} |")
    for i, (level, _) in enumerate(gate.Bounds().margins):
        ends = [x for r in results for x in r.get("again", [[]] * 3)[i]]
        if ends:
            low, high = wilson(sum(x > 0 for x in ends), len(ends))
            lines.append(f"\nlower end above the truth at {level:.2%} FPR: {low:.1%} to {high:.1%} of {len(ends)}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_mlops.experiment", description=__doc__)
    p.add_argument("worlds", nargs="*", type=pathlib.Path, help="vectors.parquet, in a directory for each world")
    p.add_argument("--results", type=pathlib.Path, required=True, help="file of JSON lines")
    p.add_argument("--role", choices=sorted(vectors.ROLE_DIRECTIONS), default="payer")
    p.add_argument("--pixctl", type=pathlib.Path, help="the pixctl to ask; without it Go is not in question")
    p.add_argument("--window-days", type=float, default=8)
    p.add_argument("--warmup-days", type=float, default=0, help="first days to leave out: windows fill up in them")
    p.add_argument("--champion-share", type=float, default=0.5, help="of the time before the window")
    p.add_argument("--negatives", type=int, default=25_000, help="legitimate payments to learn from")
    p.add_argument("--unweighted", action="store_true", help="take boosted fraud as the true share: each row is one")
    p.add_argument("--trees", type=int, default=60)
    p.add_argument("--leaves", type=int, default=15)
    p.add_argument("--kinds", nargs="+", default=[*OWN, *poison.KINDS], choices=[*OWN, *poison.KINDS])
    a = p.parse_args(sys.argv[1:] if argv is None else argv)
    done = {(r["world"], r["role"], r["kind"]) for r in read_results(a.results)}
    for path in a.worlds:
        run(path, a, done)
    print(summary(read_results(a.results)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
