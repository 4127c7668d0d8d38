"""Trains through sentinela_models, which trains the shipped models, and tracks and registers what came of it."""

from __future__ import annotations

import dataclasses
import datetime
import json
import pathlib
import subprocess
import tempfile

import lightgbm as lgb
import numpy as np

from sentinela_mlops import artefacts, gold, plots, profile, registry
from sentinela_mlops.evidence import Learnt
from sentinela_mlops.pixctl import Pixctl
from sentinela_mlops.registry import Registry, Version
from sentinela_models import evaluate, scores, split, vectors
from sentinela_models import train as trainer
from sentinela_models.errors import Refused


@dataclasses.dataclass(frozen=True)
class Request:
    """What to train on, and who asks."""

    gold: pathlib.Path
    contract: pathlib.Path  # features.json, whole or a part of it: the features that the model is to read
    release: pathlib.Path | None = None  # the whole of it, all of which pixctl wants in a table; as contract by default
    until: str = ""  # RFC 3339, rows from then on are left out
    version: str = ""
    tables: dict[str, int] = dataclasses.field(default_factory=dict)  # Delta version of each table that was read
    by: str = ""
    trees: int = 450
    leaves: int = 31
    negatives: int = 600_000
    seed: int = 7
    base_rate: float | None = None
    whole_frauds: bool = False  # fit each fraud as one, calibrate on all rows: boosted ones are few and weigh little
    signing_key: pathlib.Path | None = None  # PEM file of a private key; without one nothing is signed


def run(r: Request, reg: Registry, pixctl: Pixctl) -> Version:
    """Train, measure, track and register one version."""
    contract = vectors.read_contract(r.contract)
    version = r.version or reg.next_artefact()
    if any(v.artefact == version for v in reg.versions()):
        raise Refused(f"{reg.name} has a version {version} already: choose another name")
    with tempfile.TemporaryDirectory() as tmp:
        work = pathlib.Path(tmp)
        whole = vectors.read_contract(r.release or r.contract)
        table = gold.write(gold.read(r.gold, reg.role, whole), work / "vectors.parquet", until=r.until)
        name = f"train {reg.role}/{version}"
        with reg.run(
            name, {"step": "train", "what": f"Trains {reg.role}/{version} and measures it on its last fifth."}
        ):
            options = options_of(r, reg.role, table, work / reg.role / version)
            manifest = trainer.run(options)
            if r.signing_key:
                pixctl.sign(options.out, r.signing_key)
            pixctl.verify(options.out)
            learnt = look(options, contract)
            report = measure(options, pixctl, work)
            registry.log(parameters(manifest, r), flat(report))
            keep(report, work)
            return reg.register(options.out, learnt, provenance(manifest, r))


def options_of(r: Request, role: str, table: pathlib.Path, out: pathlib.Path) -> trainer.Options:
    """Return the trainer's options."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return trainer.Options(
        vectors=table,
        role=role,
        out=out,
        contract=r.contract,
        feature_set="",
        trained_at=now,
        seed=r.seed,
        trees=r.trees,
        leaves=r.leaves,
        negatives=r.negatives,
        base_rate=r.base_rate,
        whole_frauds=r.whole_frauds,
    )


def look(o: trainer.Options, contract: vectors.Contract) -> Learnt:
    """Describe the rows that the fit saw: drift by the latest of them, all of them for what must not be there."""
    rows = vectors.read_vectors(o.vectors, o.role, contract)
    s = split.by_time(rows)
    fitted = rows.take(slice(0, len(s.training.label) + len(s.validation.label)))
    latest = profile.of(s.validation, o.seed)
    whole = dataclasses.replace(
        latest,
        rows=len(fitted.label),
        positives=int(s.training.label.sum() + s.validation.label.sum()),
        begin=vectors.iso(int(fitted.event_time[0])),
        repeated=profile.repeated(fitted),
        features=worse_separation(latest.features, s.training, o.seed),
    )
    return Learnt(whole, profile.marks(fitted.ids))


def worse_separation(latest: dict[str, profile.Feature], training: vectors.Vectors, seed: int) -> dict:
    """Take how well each feature tells fraud from whichever slice it tells it better in: a leak may be in one alone."""
    few = training.thin(profile.SAMPLE, seed)
    found = [profile.separation(few.x[:, i], few.label, few.weight) for i in range(len(few.features))]
    return {
        n: dataclasses.replace(latest[n], auc=max(latest[n].auc, f)) for n, f in zip(few.features, found, strict=True)
    }


def measure(o: trainer.Options, pixctl: Pixctl, work: pathlib.Path) -> dict:
    """Measure what pixctl scores, on the rows after those that were fitted, with all measures of the model card."""
    pixctl.score(o.out, o.vectors, work / "scores.parquet")
    s = scores.read(work / "scores.parquet", None)
    report = evaluate.report(s)
    del report["drawn"]
    plots.draw(s, report, work / "plots")
    return report


def keep(report: dict, work: pathlib.Path) -> None:
    """Store report and plots."""
    (work / "report").mkdir()
    (work / "report" / "evaluation.json").write_text(json.dumps(report, indent=2), encoding="utf-8")
    registry.keep(work / "report", "report")
    registry.keep(work / "plots", "plots")


def flat(report: dict) -> dict[str, float]:
    """Name the figures of the model card for MLflow, each with its interval where it has one."""
    out = {name: report[name] for name in ("average_precision", "auc", "rows", "frauds", "fraud_per_100k", "days")}
    for p in report["at_fpr"]:
        out |= figures(f"fpr_{p['fpr']:g}", p, ("recall", "precision", "brl_recall", "alerts_per_100k"))
    for b in report["at_budget"]:
        at = f"budget_{b['alerts_per_100k']:g}_by_{b['ranked_by']}"
        out |= figures(at, b, ("recall", "precision", "brl_recall"))
    for group, key in (("typology", "by_typology"), ("reported", "by_label_delay")):
        out |= {f"{group}/{(g['name'] or 'unknown').replace(' ', '_')}_recall": g["recall"] for g in report[key]}
    for group, key in (("age_band", "by_age_band"), ("state", "by_state")):
        out |= {f"{group}/{g['name'].replace('+', '_or_more')}_fpr": g["fpr"] for g in report[key]}
    out |= {f"calibration/{name}": report["calibration"][name] for name in ("brier", "ece", "expected", "observed")}
    out |= {f"accounts/{name}": report["accounts"][name] for name in ("precision", "recall")}
    mules = report.get("mules", {})
    out |= {f"mules/{name}": mules[name] for name in ("found_before_third_fraud", "found_ever") if name in mules}
    return out


def figures(at: str, point: dict, names: tuple[str, ...]) -> dict[str, float]:
    """Name one operating point's figures."""
    out = {f"{at}/{name}": point[name] for name in names}
    for name in names:
        if f"{name}_interval" in point:
            out[f"{at}/{name}_low"], out[f"{at}/{name}_high"] = point[f"{name}_interval"]
    return out


def parameters(manifest: dict, r: Request) -> dict[str, object]:
    """Return what a person would change in the next run, and what the rows were."""
    out = {name: v for name, v in manifest["params"].items() if name != "monotone_constraints"}
    out |= {name: getattr(r, name) for name in ("negatives", "base_rate", "whole_frauds")}
    out |= {"feature_set": manifest["feature_set"]}
    for part in ("training", "validation", "evaluation"):
        out |= {f"{part}_{name}": manifest[part][name] for name in ("from", "to", "rows", "positives")}
    return out


def provenance(manifest: dict, r: Request) -> dict[str, str]:
    """Return the tags that say where a version comes from."""
    tags = {
        "data_sha256": manifest["lineage"].get("vectors_sha256", "unknown"),
        "feature_set": manifest["feature_set"],
        "code_version": commit(),
        "lightgbm_version": lgb.__version__,
        "trained_by": r.by,
    }
    return tags | {f"delta_version_{name}": str(v) for name, v in r.tables.items()}


def commit() -> str:
    """Return the git commit of this code, marked where the files differ from it."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
            cwd=pathlib.Path(__file__).parent, capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"


def adopt(directory: pathlib.Path, r: Request, reg: Registry, pixctl: Pixctl) -> Version:
    """Register an artefact that was made elsewhere, such as a shipped one. What it learnt from is not known here."""
    pixctl.verify(directory)
    a = artefacts.read(directory)
    if any(v.artefact == a.manifest["version"] for v in reg.versions()):
        raise Refused(f"{reg.name} has a version {a.manifest['version']} already")
    unknown = profile.Profile(0, 0, a.manifest["training"]["from"], a.fitted_until, 0, {})
    with reg.run(f"adopt {a.name}", {"step": "adopt", "what": f"Registers {a.name}, which was made elsewhere."}):
        registry.log(parameters(a.manifest, r), {})
        return reg.register(directory, Learnt(unknown, np.empty(0, np.uint64)), provenance(a.manifest, r))


def first(v: Version, reg: Registry) -> None:
    """Make a version the first champion: there is nothing yet that it could be held against."""
    champion = reg.at(registry.CHAMPION)
    if champion and champion.number != v.number:
        raise Refused(f"{reg.name} has a champion, {champion.artefact}; another takes its place through the gate alone")
    reg.move(registry.CHAMPION, v)
