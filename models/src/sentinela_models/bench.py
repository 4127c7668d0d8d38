"""Measures LightGBM and lleaves on the model and the rows that the Go benchmarks take, and writes Go benchmark lines.

python -m sentinela_models.bench artefact --out DIR   writes the model, as an artefact, and its rows
python -m sentinela_models.bench time --model DIR     measures LightGBM, and lleaves where it is installed
python -m sentinela_models.bench ratios FILE          compares what both sides printed with the budgets

Everything runs on one thread. A line's ns/op is for one row, as on the Go side; the least of several rounds counts.
"""

from __future__ import annotations

import argparse
import importlib.util
import pathlib
import re
import shutil
import sys
import time
from collections.abc import Callable

import lightgbm as lgb
import numpy as np

from sentinela_models import artefact, calibration, fixtures, golden

TREES, LEAVES, FEATURES, SEED = 300, 31, 80, 1
TRAINING_ROWS, ROWS, CONTRIBUTION_ROWS, ROUNDS = 20_000, 4096, 128, 7

# What is compared with what, and the most that it may be. Without a budget the ratio is for the reader.
RATIOS = (
    ("Score/compiled", "Score/leaves", 0.45),
    ("Score/compiled", "LightGBM/batch", 0.6),
    ("Score/compiled", "BitVector", None),
    ("Score/batch", "LightGBM/batch", None),
    ("Score/compiled", "Lleaves/batch", None),
    ("Score/batch", "Lleaves/batch", None),
    ("Explain", "LightGBM/pred_contrib", 0.25),
)

# What one of the lines may hold at most, whatever else was measured.
LIMITS = (
    ("Load", "ns/op", 1e9),
    ("Score/compiled", "allocs/op", 0),
)


def data(rows: int, features: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return made-up rows with missing values and zeros, and labels that depend on ten of the features."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features))
    x[rng.random(x.shape) < 0.05] = np.nan
    x[rng.random(x.shape) < 0.05] = 0.0
    known = np.nan_to_num(x[:, :10])
    score = known.sum(axis=1) + 2 * known[:, 1] * known[:, 2] + rng.normal(size=rows)
    return x, (score > 1).astype(int)


def write(out: pathlib.Path) -> None:
    """Train the model that all figures are stated for and write it with its rows."""
    x, label = data(TRAINING_ROWS, FEATURES, SEED)
    params = {
        "objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.02, "min_data_in_leaf": 5, "seed": SEED,
        "feature_fraction": 0.5, "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    names = [f"f{i}" for i in range(FEATURES)]
    booster = lgb.train(params, lgb.Dataset(x, label, feature_name=names), TREES)
    text = booster.model_to_string(num_iteration=-1)
    chosen = golden.choose(x, text, SEED)
    answers = golden.answers(text, chosen, calibration.IDENTITY, golden.CONTRIBUTION_ROWS)
    manifest = {**fixtures.manifest("gbdt", out.name, calibration.IDENTITY), "features": names, "params": params}
    shutil.rmtree(out, ignore_errors=True)
    artefact.write(out, text, answers, manifest)
    x[:ROWS].astype("<f8").tofile(out / "rows.f64")
    sizes = ((out / name).stat().st_size for name in ("model.txt", "golden.json"))
    print(f"{out}: model.txt {next(sizes)} bytes, {len(chosen)} golden vectors, golden.json {next(sizes)} bytes")


def best(call: Callable[[], object], rows: int) -> float:
    """Return the least time of a round in ns for one row."""
    call()
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        call()
        took.append((time.perf_counter_ns() - start) / rows)
    return min(took)


def line(name: str, rows: int, ns: float) -> str:
    """Write a Go benchmark line."""
    return f"Benchmark{name}\t{rows}\t{ns:.1f} ns/op"


def measure(model: pathlib.Path) -> None:
    """Print the lines of this side."""
    booster = lgb.Booster(model_file=model / "model.txt")
    x = np.fromfile(model / "rows.f64", dtype="<f8").reshape(-1, booster.num_feature())
    few = x[:CONTRIBUTION_ROWS]
    batch = best(lambda: booster.predict(x, raw_score=True, num_threads=1), len(x))
    print(line("LightGBM/batch", len(x), batch), flush=True)
    single = best(lambda: [booster.predict(row[None], raw_score=True, num_threads=1) for row in few], len(few))
    print(line("LightGBM/row", len(few), single), flush=True)
    contributions = best(lambda: booster.predict(few, pred_contrib=True, num_threads=1), len(few))
    print(line("LightGBM/pred_contrib", len(few), contributions), flush=True)
    if importlib.util.find_spec("lleaves") is None:
        print("skipped: lleaves is not installed here (models/requirements-bench.txt)")
        return
    import lleaves  # noqa: PLC0415 - a tool of the benchmark only

    compiled = lleaves.Model(model_file=str(model / "model.txt"))
    compiled.compile(raw_score=True)
    worst = float(np.abs(compiled.predict(x, n_jobs=1) - booster.predict(x, raw_score=True)).max())
    if not worst <= 1e-9:
        raise SystemExit(f"lleaves differs from LightGBM by {worst}")
    print(line("Lleaves/batch", len(x), best(lambda: compiled.predict(x, n_jobs=1), len(x))), flush=True)


def ratios(text: str) -> int:
    """Print a ratio a line; return how many are above their budget. Of repeated lines the least counts."""
    found: dict[str, float] = {}
    for name, ns in re.findall(r"^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([\d.]+) ns/op", text, re.M):
        found[name] = min(float(ns), found.get(name, float(ns)))
    above = 0
    for name, to, budget in RATIOS:
        if name not in found or to not in found:
            print(f"skipped: {name} against {to}: not measured")
            continue
        ratio = found[name] / found[to]
        verdict = "" if budget is None else f", budget {budget}: {'within' if ratio <= budget else 'ABOVE'}"
        above += budget is not None and ratio > budget
        print(f"{name} {found[name] / 1000:.2f} µs against {to} {found[to] / 1000:.2f} µs: {ratio:.3f}{verdict}")
    for name, unit, limit in LIMITS:
        values = re.findall(rf"^Benchmark{name}(?:-\d+)?\s.*?([\d.]+) {unit}", text, re.M)
        if not values:
            print(f"skipped: {name} in {unit}: not measured")
            continue
        value = min(map(float, values))
        above += value > limit
        print(f"{name} {value:.0f} {unit}, budget {limit:.0f}: {'within' if value <= limit else 'ABOVE'}")
    return above


def main() -> int:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_models.bench", description=__doc__)
    verbs = p.add_subparsers(dest="verb", required=True)
    verbs.add_parser("artefact").add_argument("--out", type=pathlib.Path, required=True)
    verbs.add_parser("time").add_argument("--model", type=pathlib.Path, required=True)
    verbs.add_parser("ratios").add_argument("file", type=pathlib.Path)
    args = p.parse_args()
    if args.verb == "artefact":
        write(args.out)
    elif args.verb == "time":
        measure(args.model)
    else:
        ratios(args.file.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
