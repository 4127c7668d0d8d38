"""Measures the gate itself: how often it refuses an honest candidate and lets a spoilt one through.

python -m sentinela_mlops.experiment --results FILE --seeds 101-120 simulates one world for each seed, judges in it and
deletes it; tables of `pixctl vectors` may be named as well, each in a directory of its own. In each the champion learns
from the first half of the days before the window, candidates learn from all of them, and the window is the last days.
FILE gets the settings as its first JSON line, and one line for each world and candidate; what it has is not done again,
and with other settings nothing is added. Without worlds only its rates are printed, each with its 95 % interval by
Wilson, and which check caught what.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import math
import pathlib
import statistics
import sys
import tempfile

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentinela_mlops import compare, evidence, gate, gold, poison, profile, training
from sentinela_mlops.cli import CONTRACT, ROOT, bounds
from sentinela_mlops.pixctl import Pixctl
from sentinela_models import bootstrap, scores, vectors
from sentinela_models import train as trainer
from sentinela_models.errors import Refused

# More and later rows than the champion; the champion's rows with another seed.
OWN = ("honest", "equal")
# Of a simulated world: frauds enough to judge by.
ACCOUNTS, DAYS, BOOST = 9_000, 60, 500
REPLICATES = 100  # where many windows are drawn
AGAIN = 10  # windows drawn from one by its accounts, in which the gate's interval is held against the difference there


@dataclasses.dataclass(frozen=True)
class World:
    """One world, cut: rows to learn from, and the window."""

    name: str
    rows: pa.Table
    window: gold.Window
    middle: str  # RFC 3339: the champion's rows end


def world(path: pathlib.Path, a: argparse.Namespace, root: pathlib.Path) -> World:
    """Read and cut one world."""
    contract = vectors.read_contract(CONTRACT)
    rows = gold.read(path, a.role, contract)
    rows = rows.filter(pc.is_in(rows["direction"], pa.array(vectors.ROLE_DIRECTIONS[a.role])))
    ends = pc.min_max(rows["event_time"]).as_py()
    rows = gold.known(rows, vectors.iso(ends["max"] + int(a.label_hours * scores.HOUR)))
    ends["min"] += int(a.warmup_days * scores.DAY)
    rows = rows.filter(pc.greater_equal(rows["event_time"], ends["min"]))
    cut = ends["max"] - int(a.window_days * scores.DAY)
    middle = ends["min"] + int(a.champion_share * (cut - ends["min"]))
    window = gold.window(gold.write(rows, root / "window.parquet", since=vectors.iso(cut)), a.role, contract)
    before = rows.filter(pc.less(rows["event_time"], cut))
    return World(path.parent.name, before, window, vectors.iso(middle))


def simulated(seed: int, pixctl: Pixctl, out: pathlib.Path) -> pathlib.Path:
    """Simulate a world and replay it; return its vectors, which alone are kept."""
    out.mkdir()
    sized = ["-accounts", ACCOUNTS, "-days", DAYS, "-fraud-boost", BOOST, "-seed", seed]
    pixctl.run("simulate", *(str(a) for a in sized), "-out", str(out))
    given = {"events": "events", "labels": "labels", "statuses": "statuses", "weights": "truth"}
    files = [f"-{flag}={out / f'{name}.jsonl'}" for flag, name in given.items()]
    pixctl.run("vectors", *files, f"-out={out / 'vectors.parquet'}")
    for path in out.glob("*.jsonl"):
        path.unlink()
    return out / "vectors.parquet"


def learn(w: World, kind: str, a: argparse.Namespace, root: pathlib.Path) -> tuple[gate.Side, evidence.Learnt]:
    """Train one kind of candidate, or the champion, and let it score the window; to export it would take longest."""
    until = w.middle if kind in ("champion", "equal") else ""
    spoil = poison.KINDS.get(kind, lambda table: table)
    rows = gold.write(spoil(w.rows), root / f"{kind}.parquet", until=until)
    seed = 7 if kind == "champion" else 8
    sizes = {"trees": a.trees, "leaves": a.leaves, "negatives": a.negatives}
    r = training.Request(root, CONTRACT, seed=seed, whole_frauds=True, **sizes)
    o, contract = training.options_of(r, a.role, rows, root / kind), vectors.read_contract(CONTRACT)
    s = trainer.slices(o, contract)
    booster = lgb.Booster(model_str=trainer.fit(o, s))
    told = trainer.calibrate(o, booster, s)
    at = [w.window.rows.features.index(n) for n in contract.features]
    raw = np.asarray(booster.predict(w.window.rows.x[:, at], raw_score=True), dtype=float)
    until = vectors.iso(int(s.validation.event_time[-1]))
    side = gate.Side(f"{a.role}/{kind}", kind, kind, "", until, raw, told.probability(raw), steps=1, seconds=1.0)
    return side, training.look(o, contract)


def missing(name: str, a: argparse.Namespace, done: set[tuple[str, str, str]]) -> list[str]:
    """Return the kinds that are not judged yet in a world."""
    return [k for k in a.kinds if (name, a.role, k) not in done]


def run(path: pathlib.Path, a: argparse.Namespace, done: set[tuple[str, str, str]]) -> None:
    """Judge in one world every kind that is not done yet."""
    if not (kinds := missing(path.parent.name, a, done)):
        return
    with tempfile.TemporaryDirectory() as tmp:
        root = pathlib.Path(tmp)
        w = world(path, a, root)
        champion, _ = learn(w, "champion", a, root)
        for kind in kinds:
            told = {"world": w.name, "role": a.role, "kind": kind, **tried(w, kind, champion, a, root)}
            with a.results.open("a", encoding="utf-8") as f:
                f.write(json.dumps(told) + "\n")


def tried(w: World, kind: str, champion: gate.Side, a: argparse.Namespace, root: pathlib.Path) -> dict:
    """Train and judge one candidate."""
    try:
        candidate, learnt = learn(w, kind, a, root)
    except Refused as e:  # the trainer's own refusal comes before the gate's
        return {"verdict": gate.REFUSED, "failed": ["training"], "why": str(e)}
    rows = w.window.rows
    found = gate.Evidence(
        candidate,
        champion,
        window=w.window,
        begin=vectors.iso(int(rows.event_time[0])),
        profile=learnt.profile,
        overlap=int(np.isin(profile.marks(rows.ids), learnt.marks).sum()),
        served=np.column_stack([candidate.raw, candidate.probability]),
        expectations=[],
        gold_sha256="",
        expected_sha256="",
        size_refusal="",
        covered=True,
    )
    report = gate.judge(found, bounds(a.leave_out))
    checks = {c.name: [c.figure, c.verdict, c.detail] for c in report.checks}
    stood = {c.verdict for c in report.checks if c.name in report.failed}
    verdict = gate.INSUFFICIENT if stood == {gate.INSUFFICIENT} else report.verdict
    told = {"verdict": verdict, "failed": report.failed, "frauds": report.window["frauds"], "checks": checks}
    return told | (again(found) if kind == "equal" else {})


def again(e: gate.Evidence) -> dict[str, list]:
    """Draw windows from the one by its accounts; return the lower ends less what all of it has left of the margin.

    One list for each false positive rate: an interval that holds what it promises is above 0 in 5 % of them. Beside it,
    how many frauds a window needs so that an equal candidate passes with 80 %.
    """
    b, told = gate.Bounds(), (e.candidate.raw, e.champion.raw)
    truth = compare.recalls(*told, e.window, b.margins, REPLICATES, b.seed)
    ends: list[list[float]] = [[] for _ in truth]
    for drawn in range(AGAIN):
        rows, account = redrawn(e.window, drawn)
        w = gold.Window(e.window.rows.take(rows), account, e.window.table)
        found = compare.recalls(told[0][rows], told[1][rows], w, b.margins, REPLICATES, b.seed)
        for lower, d, t in zip(ends, found, truth, strict=True):
            lower.append(round(d.lower - t.left, 4))
    frauds = int(e.window.rows.label.sum())
    return {"again": ends, "needed": [d.needed(frauds) for d in truth]}


def redrawn(w: gold.Window, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of accounts that were drawn with replacement; one that was drawn twice is two accounts."""
    times = bootstrap.draw(int(w.account.max()) + 1, 1000, seed).astype(int)[w.account]
    rows = np.repeat(np.arange(len(times)), times)
    copy = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
    return rows, np.unique(w.account[rows] * 100 + copy, return_inverse=True)[1]


def settings(a: argparse.Namespace) -> dict:
    """Return all that a result depends on besides what its line names and the code."""
    free = ("worlds", "seeds", "pixctl", "results", "role", "kinds")
    asked = {name: v for name, v in vars(a).items() if name not in free}
    of_worlds = {"accounts": ACCOUNTS, "days": DAYS, "fraud_boost": BOOST}
    told = {**asked, **of_worlds, "bounds": dataclasses.asdict(bounds(a.leave_out))}
    return json.loads(json.dumps(told))  # as a file gives it back


def begin(a: argparse.Namespace) -> None:
    """Write the settings into a new file of results, or refuse to add to what was made with others."""
    wanted = settings(a)
    if not a.results.exists():
        a.results.write_text(json.dumps({"settings": wanted}) + "\n", encoding="utf-8")
    made = read(a.results)[0]
    if changed := [name for name in wanted if name not in made or made[name] != wanted[name]]:
        raise Refused(f"{a.results} was made with other settings ({', '.join(changed)}): name them, or another file")


def read(path: pathlib.Path) -> tuple[dict, list[dict]]:
    """Read the settings, none where the first line is something else, and what is done."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return (lines[0]["settings"], lines[1:]) if lines and "settings" in lines[0] else ({}, lines)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    z2 = 1.96**2
    middle, half_width = hits + z2 / 2, 1.96 * math.sqrt(hits * (n - hits) / n + z2 / 4)
    return (middle - half_width) / (n + z2), (middle + half_width) / (n + z2)


def summary(results: list[dict]) -> str:
    """Write the rates: of each kind how many passed, and which checks refused the others."""
    lines = [
        "| candidate | judged | passed | insufficient alone | refused | share passed, 95 % | by |",
        "|---|" + 6 * "---|",
    ]
    for kind in dict.fromkeys(r["kind"] for r in results):
        of = [r for r in results if r["kind"] == kind]
        found = [sum(r["verdict"] == v for r in of) for v in (gate.PASSED, gate.INSUFFICIENT, gate.REFUSED)]
        low, high = wilson(found[0], len(of))
        caught = collections.Counter(name for r in of for name in r["failed"]).most_common()
        why = ", ".join(f"{name} {n}" for name, n in caught)
        counts = " | ".join(str(n) for n in found)
        lines.append(f"| {kind} | {len(of)} | {counts} | {low:.0%} to {high:.0%} | {why} |")
    for i, margin in enumerate(gate.Bounds().margins):
        at = f"at {margin.level:.2%} FPR"
        if ends := [x for r in results for x in r.get("again", [[]] * 3)[i]]:
            low, high = wilson(sum(x > 0 for x in ends), len(ends))
            lines.append(f"\nlower end above the truth {at}: {low:.1%} to {high:.1%} of {len(ends)} windows")
        if needed := [r["needed"][i] for r in results if "needed" in r and r["kind"] == "equal"]:
            frauds = statistics.median(r["frauds"] for r in results if "frauds" in r)
            lines.append(f"power of 80 % {at}: {statistics.median(needed):.0f} frauds; the windows have {frauds:.0f}")
    return "\n".join(lines)


def seeds(text: str) -> range:
    """Read FIRST-LAST, or one seed."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_mlops.experiment", description=__doc__)
    p.add_argument("worlds", nargs="*", type=pathlib.Path, help="vectors.parquet, in a directory for each world")
    p.add_argument("--seeds", type=seeds, default=range(0), help="FIRST-LAST: worlds to simulate")
    p.add_argument("--pixctl", type=pathlib.Path, default=ROOT / "build" / "pixctl")
    p.add_argument("--results", type=pathlib.Path, required=True, help="file of JSON lines")
    p.add_argument("--role", choices=sorted(vectors.ROLE_DIRECTIONS), default="payer")
    p.add_argument("--window-days", type=float, default=12)
    p.add_argument("--warmup-days", type=float, default=28, help="first days to leave out: windows fill up in them")
    p.add_argument(
        "--label-hours", type=float, default=0, help="after the window's end; labels that arrive later are not known"
    )
    p.add_argument(
        "--leave-out", default="0.0001", help="false positive rates not to judge recall at, as the gate takes them"
    )
    p.add_argument("--champion-share", type=float, default=0.5, help="of the time before the window")
    p.add_argument("--negatives", type=int, default=25_000, help="legitimate payments of a slice that are fitted")
    p.add_argument("--trees", type=int, default=100)
    p.add_argument("--leaves", type=int, default=15)
    p.add_argument("--kinds", nargs="+", default=[*OWN, *poison.KINDS], choices=[*OWN, *poison.KINDS])
    a = p.parse_args(sys.argv[1:] if argv is None else argv)
    if a.worlds or a.seeds:
        try:
            begin(a)
        except Refused as e:
            print(f"refused: {e}", file=sys.stderr)
            return 1
    done = {(r["world"], r["role"], r["kind"]) for r in read(a.results)[1]}
    for path in a.worlds:
        run(path, a, done)
    for seed in a.seeds:
        if missing(str(seed), a, done):
            with tempfile.TemporaryDirectory() as tmp:
                run(simulated(seed, Pixctl(a.pixctl), pathlib.Path(tmp) / str(seed)), a, done)
    print(summary(read(a.results)[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
