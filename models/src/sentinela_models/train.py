"""Trains one role's model: python -m sentinela_models.train --vectors F.parquet --role payer --out models/payer/1.

With --evaluation the model is measured on a table of its own: another, later world at the true base rate. Without, on
the last fifth of the one table.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import pathlib
import sys
from collections.abc import Mapping
from types import MappingProxyType

import lightgbm as lgb
import numpy as np

from sentinela_models import artefact, calibration, constraints, golden, limits, metrics, reference, split, vectors
from sentinela_models.errors import Refused

EARLY_STOPPING_ROUNDS = 40
SUGGESTED_FPR = 0.001  # typology recall is told at this level
PROGRESS_EVERY = 50  # trees
PARTS = 4  # of the rows in order of time, each scored by trees that have not seen it


@dataclasses.dataclass(frozen=True)
class Options:
    """What a training run depends on."""

    vectors: pathlib.Path
    role: str
    out: pathlib.Path
    contract: pathlib.Path | None
    feature_set: str
    trained_at: str
    evaluation: pathlib.Path | None = None
    truth: pathlib.Path | None = None
    seed: int = 7
    trees: int = 450
    leaves: int = 31
    patience: int = EARLY_STOPPING_ROUNDS
    negatives: int = 600_000
    warmup_days: float = 7.0
    base_rate: float | None = None
    whole_frauds: bool = False  # boosted frauds: each counts as one in the fit; what calibrates is of the whole time


def fitted(o: Options) -> dict:
    """Return what changes the rows of the fit, where it is not as usual."""
    return {"whole_frauds": True} if o.whole_frauds else {}


def params(o: Options) -> dict:
    """Return LightGBM's parameters: same input, same seed, same model."""
    return {
        "objective": "binary",
        "metric": "average_precision",
        "learning_rate": 0.08,
        "num_leaves": o.leaves,
        "min_data_in_leaf": 20,
        "lambda_l2": 1.0,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "path_smooth": 1.0,
        "monotone_constraints_method": "basic",
        "seed": o.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 2,
        "verbosity": -1,
    }


def progress(role: str):
    """Print the measure on the validation slice now and then."""

    def callback(env) -> None:
        if (env.iteration + 1) % PROGRESS_EVERY == 0:
            value = env.evaluation_result_list[0][2]
            print(f"train {role}: tree {env.iteration + 1}, average precision {value:.4f}", file=sys.stderr, flush=True)

    return callback


def fit(o: Options, s: split.Split, changed: Mapping[str, object] = MappingProxyType({})) -> str:
    """Train with early stopping on the later slice and return the model as text; `changed` are parameters of LightGBM.

    Where frauds are boosted and few, their weights are below LightGBM's penalty, which is absolute, and little would
    be learnt of them: there `whole_frauds` fits each as one. What stops, and the calibration, take the weights.
    """
    validation = s.validation.thin(o.negatives, o.seed)
    train = dataset(o, s.training)
    valid = train.create_valid(validation.x, validation.label, weight=validation.weight)
    stop = lgb.early_stopping(o.patience, verbose=False)
    settings = {**settings_of(o, s.training.features), **changed}
    booster = lgb.train(settings, train, o.trees, valid_sets=[valid], callbacks=[stop, progress(o.role)])
    return booster.model_to_string(num_iteration=booster.best_iteration)


def dataset(o: Options, rows: vectors.Vectors) -> lgb.Dataset:
    """Return rows as they are fitted to."""
    few = (rows.whole_frauds() if o.whole_frauds else rows).thin(o.negatives, o.seed)
    return lgb.Dataset(few.x, few.label, weight=few.weight, feature_name=few.features)


def settings_of(o: Options, features: list[str]) -> dict:
    """Return LightGBM's parameters for these features."""
    return {**params(o), "monotone_constraints": constraints.signs(features)}


def slice_of(v: vectors.Vectors) -> dict:
    """Describe a slice as the manifest does."""
    return {
        "from": vectors.iso(int(v.event_time[0])),
        "to": vectors.iso(int(v.event_time[-1])),
        "rows": len(v.label),
        "positives": int(v.label.sum()),
    }


def calibrate(o: Options, booster: lgb.Booster, s: split.Split) -> calibration.Calibration:
    """Fit to rows that the trees have not seen; when asked, move to the share of fraud expected where they will serve.

    As a rule these are the validation slice. Where fraud is boosted, a slice with hundreds of frauds has only a few
    legitimate payments of full weight among its high scores, and what is promised hangs on three or four of them.
    """
    v = s.validation
    raw, v = unseen(o, s, booster.num_trees()) if o.whole_frauds else (booster.predict(v.x, raw_score=True), v)
    fitted = calibration.fit_platt(raw, v.label, v.weight)
    if o.base_rate is None:
        return fitted
    rate = float(v.weight[v.label == 1].sum() / v.weight.sum())
    return calibration.to_base_rate(fitted, rate, o.base_rate)


def unseen(o: Options, s: split.Split, trees: int) -> tuple[np.ndarray, vectors.Vectors]:
    """Score training and validation, each part of their time by as many trees fitted to the other parts."""
    rows = s.training.joined(s.validation)
    raw = np.empty(len(rows.label))
    for held in np.array_split(np.arange(len(raw)), PARTS):
        others = dataset(o, rows.take(np.setdiff1d(np.arange(len(raw)), held)))
        booster = lgb.train(settings_of(o, rows.features), others, trees)
        raw[held] = booster.predict(rows.x[held], raw_score=True)
    return raw, rows


def measure(raw: np.ndarray, v: vectors.Vectors, c: calibration.Calibration) -> tuple[dict, list[dict]]:
    """Return the evaluation and the thresholds of the manifest."""
    curve = metrics.curve(raw, v.label, v.weight)
    points = [metrics.at_fpr(curve, level) for level in metrics.FPR_LEVELS]
    thresholds = [
        {
            "fpr": p.fpr,
            "raw": p.threshold,
            "probability": float(c.probability(p.threshold)),
            "recall": p.recall,
            "precision": p.precision,
        }
        for p in points
    ]
    suggested = next(p.threshold for p in points if p.fpr == SUGGESTED_FPR)
    evaluation = {
        **slice_of(v),
        "average_precision": metrics.average_precision(curve),
        "auc": metrics.auc(curve),
        "recall_by_typology": metrics.recall_by_typology(raw, v.label, v.typology, suggested),
    }
    return evaluation, thresholds


def slices(o: Options, contract: vectors.Contract | None) -> split.Split:
    """Read and cut the tables."""
    rows = vectors.read_vectors(o.vectors, o.role, contract)
    if o.evaluation is None:
        return split.by_time(rows)
    later = vectors.read_vectors(o.evaluation, o.role, contract)
    if o.truth:
        later = later.judged_by(vectors.read_truth(o.truth))
    return split.with_evaluation(rows, later, o.warmup_days)


def run(o: Options) -> dict:
    """Train, measure, export; return the manifest without hashes."""
    limits.check_settings(o.trees, o.leaves)
    contract = vectors.read_contract(o.contract) if o.contract else None
    s = slices(o, contract)
    text = fit(o, s)
    booster = lgb.Booster(model_str=text)
    cal = calibrate(o, booster, s)
    evaluation, thresholds = measure(booster.predict(s.evaluation.x, raw_score=True), s.evaluation, cal)
    manifest = {
        "schema_version": 1,
        "name": f"sentinela-{o.role}",
        "role": o.role,
        "version": o.out.name,
        "trained_at": o.trained_at,
        "lightgbm_version": lgb.__version__,
        "feature_set": contract.feature_set if contract else o.feature_set,
        "features": s.training.features,
        "seed": o.seed,
        "params": {**params(o), "num_iterations": o.trees, "early_stopping_rounds": o.patience, **fitted(o)},
        "training": slice_of(s.training),
        "validation": slice_of(s.validation),
        "evaluation": evaluation,
        "calibration": dataclasses.asdict(cal),
        "thresholds": thresholds,
        "lineage": lineage(o),
    }
    chosen = golden.choose(s.evaluation.x, text, o.seed)
    proof = golden.answers(text, chosen, cal, golden.CONTRIBUTION_ROWS)
    artefact.write(o.out, text, proof, manifest, reference.of(s.validation))
    return manifest


def lineage(o: Options) -> dict:
    """Name the files that went into the model."""
    files = {"vectors": o.vectors, "evaluation_vectors": o.evaluation, "evaluation_truth": o.truth}
    return {f"{name}_sha256": vectors.sha256(path) for name, path in files.items() if path}


def report(m: dict) -> str:
    """Write what a person wants to know of a fresh model."""
    e = m["evaluation"]
    lines = [
        f"{m['name']} {m['version']}: {e['positives']} frauds in {e['rows']} later payments, "
        f"average precision {e['average_precision']:.3f}, AUC {e['auc']:.4f}"
    ]
    for t in m["thresholds"]:
        lines.append(
            f"  FPR {t['fpr']:.2%}: recall {t['recall']:.3f}, precision {t['precision']:.3f}, "
            f"probability >= {t['probability']:.4f}"
        )
    lines += [f"  {name}: recall {r:.3f} at FPR {SUGGESTED_FPR:.1%}" for name, r in e["recall_by_typology"].items()]
    return "\n".join(lines)


def parse(argv: list[str]) -> Options:
    """Read the command line."""
    p = argparse.ArgumentParser(prog="sentinela_models.train", description=__doc__)
    p.add_argument("--vectors", type=pathlib.Path, required=True, help="Parquet of pixctl vectors")
    p.add_argument("--role", choices=sorted(vectors.ROLE_DIRECTIONS), required=True)
    p.add_argument("--out", type=pathlib.Path, required=True, help="new directory; its name is the version")
    p.add_argument("--contract", type=pathlib.Path, help="features.json to hold the columns to")
    p.add_argument("--feature-set", default="", help="version of the feature list when no contract is given")
    p.add_argument("--trained-at", help="RFC 3339 time to record, now by default")
    p.add_argument("--evaluation", type=pathlib.Path, help="Parquet of a later world to measure on")
    p.add_argument("--truth", type=pathlib.Path, help="truth.jsonl of that world; its reports are used without it")
    p.add_argument("--negatives", type=int, default=600_000, help="legitimate payments of a slice to keep at most")
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--trees", type=int, default=450)
    p.add_argument("--leaves", type=int, default=31)
    p.add_argument(
        "--warmup-days",
        type=float,
        default=7.0,
        help="first days of --evaluation to leave out: their windows are empty",
    )
    p.add_argument("--base-rate", type=float, help="share of fraud to calibrate to; the file's own by default")
    p.add_argument(
        "--whole-frauds",
        action="store_true",
        help="fit each fraud as one and calibrate on all rows, where boosted ones are few and weigh little",
    )
    args = vars(p.parse_args(argv))
    if (args["contract"] is None) == (args["feature_set"] == ""):
        p.error("give either --contract or --feature-set")
    if args["truth"] and not args["evaluation"]:
        p.error("--truth is that of --evaluation")
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    args["trained_at"] = args["trained_at"] or now
    return Options(**args)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    try:
        print(report(run(parse(sys.argv[1:] if argv is None else argv))))
    except Refused as e:
        print(f"refused: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
