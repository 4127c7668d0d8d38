"""Shows what a small boosted world's models owe to each choice of method: one thing is changed at a time.

python -m sentinela_mlops.ablation W/vectors.parquet W/truth.jsonl trains on the days of `make loop`, first as it once
trained, each row counting as one, then with one change each, and measures all of them on its window, beside the newest
shipped model. W is a world of the loop's size (docs/adr/0016 says which).
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import pathlib
import sys
import tempfile
from collections.abc import Callable, Mapping

import lightgbm as lgb
import numpy as np
import pyarrow.compute as pc

from sentinela_mlops import compare, gate, gold
from sentinela_mlops.cli import CONTRACT, ROOT
from sentinela_models import bootstrap, scores, split, vectors
from sentinela_models import train as trainer
from sentinela_models.split import Split
from sentinela_models.vectors import Vectors

ROLE = "payer"
REPLICATES = 200


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to train."""

    name: str
    cut: Callable[[Vectors], Split] = split.by_time
    settings: Mapping[str, object] = dataclasses.field(default_factory=dict)
    options: Mapping[str, object] = dataclasses.field(default_factory=dict)
    since: float | None = None  # day at which its rows begin, that of all by default
    told: bool = False  # every fraud is known


def even(v: Vectors) -> Vectors:
    """Let every row count as one."""
    return dataclasses.replace(v, weight=np.ones(len(v.weight)))


def evenly(rows: Vectors, stop: bool = False) -> Split:
    """Fit each row as one, and if asked also stop by such rows."""
    s = split.by_time(rows)
    return Split(even(s.training), even(s.validation) if stop else s.validation, s.evaluation)


def longer(rows: Vectors) -> Split:
    """Fit four fifths of the span, each row as one, and leave nothing to measure by."""
    end = int(rows.event_time[-1])
    at = int(rows.event_time[0] + 0.8 * (end - rows.event_time[0]))
    first, last = split.cut_at(rows, [at])
    return Split(even(first.known_at(end)), last.known_at(end).levelled(), last)


VARIANTS = (
    Variant("each row as one", evenly),
    Variant("and the best of all trees", evenly, options={"patience": 10_000}),
    Variant("and stopped by each row as one", functools.partial(evenly, stop=True)),
    Variant("and 5 rows in a leaf", evenly, {"min_data_in_leaf": 5}),
    Variant("and slower, more trees", evenly, {"learning_rate": 0.03}, {"trees": 400}),
    Variant("and fitted to four fifths", longer),
    Variant("and from the first day", evenly, since=0),
    Variant("and all frauds known", evenly, told=True),
    Variant("by weight"),
    Variant("each fraud as one", options={"whole_frauds": True}),
    Variant("each fraud as one, all known", options={"whole_frauds": True}, told=True),
)


@dataclasses.dataclass(frozen=True)
class World:
    """What is learnt from, with the truth of it, and the window with the labels that are known when it ends."""

    before: Vectors
    truth: dict[str, str]
    window: gold.Window
    begin: int  # microseconds


def world(path: pathlib.Path, truth: pathlib.Path, days: float, root: pathlib.Path) -> World:
    """Read a world and cut its last days off as the window."""
    contract = vectors.read_contract(CONTRACT)
    table = gold.read(path, ROLE, contract)
    ends = pc.min_max(table["event_time"]).as_py()
    table = gold.known(table, vectors.iso(ends["max"]))
    cut = vectors.iso(ends["max"] - int(days * scores.DAY))
    window = gold.window(gold.write(table, root / "window.parquet", since=cut), ROLE, contract)
    before = vectors.read_vectors(gold.write(table, root / "before.parquet", until=cut), ROLE, contract)
    return World(before, vectors.read_truth(truth), window, ends["min"])


def learn(w: World, v: Variant, a: argparse.Namespace) -> tuple[int, np.ndarray]:
    """Train one variant; return its number of trees and its raw scores of the window."""
    since = w.begin + int((a.warmup_days if v.since is None else v.since) * scores.DAY)
    rows = w.before.take(np.flatnonzero(w.before.event_time >= since))
    if v.told:
        rows = rows.judged_by(w.truth)
        rows = dataclasses.replace(rows, arrived_at=np.where(rows.label == 1, rows.event_time, np.nan))
    options = {"trees": a.trees, "negatives": a.negatives, **v.options}
    o = trainer.Options(pathlib.Path(), ROLE, pathlib.Path(), None, "", "", **options)
    booster = lgb.Booster(model_str=trainer.fit(o, v.cut(rows), v.settings))
    return booster.num_trees(), booster.predict(w.window.rows.x, raw_score=True)


def shipped(w: World) -> tuple[int, np.ndarray]:
    """Let the newest shipped model score the window."""
    newest = max((ROOT / "models" / ROLE).iterdir(), key=lambda p: int(p.name))
    booster = lgb.Booster(model_file=newest / "model.txt")
    at = [w.window.rows.features.index(name) for name in booster.feature_name()]
    return booster.num_trees(), booster.predict(w.window.rows.x[:, at], raw_score=True)


def line(name: str, trees: int, raw: np.ndarray, w: gold.Window) -> str:
    """Write the recalls of one model with their 95 % intervals over accounts."""
    v, ranked = w.rows, compare.Ranked(raw, w)
    fraud, accounts = v.label == 1, int(w.account.max()) + 1
    sums = [np.bincount(w.account[rows], v.weight[rows], accounts) for rows in (fraud, ~fraud)]
    drawn = [bootstrap.draw(accounts, 1, i) for i in range(REPLICATES)]
    cells = []
    for margin in gate.Bounds().margins:
        found = ranked.recall(margin.level, (float(sums[0].sum()), float(sums[1].sum())))
        totals = [tuple(float((s * times).sum()) for s in sums) for times in drawn]
        recalls = [ranked.recall(margin.level, t, times) for t, times in zip(totals, drawn, strict=True)]
        low, high = bootstrap.interval(recalls)
        cells.append(f"{found:.2f} ({low:.2f} to {high:.2f})")
    return f"| {name} | {trees} | {' | '.join(cells)} |"


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_mlops.ablation", description=__doc__)
    p.add_argument("vectors", type=pathlib.Path)
    p.add_argument("truth", type=pathlib.Path)
    p.add_argument("--window-days", type=float, default=12)
    p.add_argument("--warmup-days", type=float, default=30)
    p.add_argument("--trees", type=int, default=150)
    p.add_argument("--negatives", type=int, default=25_000, help="legitimate payments to keep of a slice")
    a = p.parse_args(sys.argv[1:] if argv is None else argv)
    with tempfile.TemporaryDirectory() as tmp:
        w = world(a.vectors, a.truth, a.window_days, pathlib.Path(tmp))
        print("| trained | trees | recall at 0.1 % FPR | at 0.05 % | at 0.01 % |\n|---|---|---|---|---|")
        print(line("the shipped model", *shipped(w), w.window), flush=True)
        for v in VARIANTS:
            print(line(v.name, *learn(w, v, a), w.window), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
