"""Holds served scores against the labels that have arrived: a row per day, and metrics in MLflow."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import tempfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sentinela_mlops import profile, registry
from sentinela_mlops.profile import Profile
from sentinela_mlops.registry import Registry, Version
from sentinela_models import scores, vectors
from sentinela_models.errors import Refused

LEVEL = 0.001  # alerts are what is above the threshold of this false positive rate
SCORES = ("raw", "probability")


@dataclasses.dataclass(frozen=True)
class Case:
    """What is watched."""

    served: pathlib.Path  # gold with the served scores
    contract: pathlib.Path
    out: pathlib.Path | None = None


def table(gold: pa.Table, threshold: float, learnt: Profile, families: dict[str, str]) -> pd.DataFrame:
    """Return one row per local day, ready for Parquet or Delta: what was flagged, what became known of it, and drift.

    `precision` is of alerts whose label has arrived or whose 80 days of contest have not run out, so it rises as labels
    arrive; `confirmed` and `alerts` are counts by weight. A column `psi_FAMILY` is the largest PSI in a family.
    """
    if missing := [n for n in (*SCORES, *vectors.FIXED_COLUMNS) if n not in gold.column_names]:
        raise Refused(f"the served table has no column {', '.join(missing)}")
    raw = gold["raw"].to_numpy().astype(float)
    if np.isnan(raw).any():
        raise Refused("a served score is missing: leave out what was decided without the model")
    day = (gold["event_time"].cast(pa.int64()).to_numpy() - 3 * scores.HOUR) // scores.DAY
    weight, fraud = gold["split_weight"].to_numpy(), gold["label"].cast(pa.int32()).to_numpy() == 1
    probability = gold["probability"].to_numpy().astype(float)
    flagged = raw >= threshold
    columns = {n: gold[n].to_numpy().astype(float) for n in learnt.features if n in gold.column_names}
    out = []
    for d in np.unique(day):
        rows = day == d
        w, caught = weight[rows], (weight * flagged * fraud)[rows].sum()
        alerts, known = (weight * flagged)[rows].sum(), (weight * fraud)[rows].sum()
        told = {
            "day": pd.Timestamp(int(d) * scores.DAY, unit="us").date(),
            "payments": float(w.sum()),
            "alerts": float(alerts),
            "confirmed": float(caught),
            "known_frauds": float(known),
            "precision": float(caught / alerts) if alerts else None,
            "recall": float(caught / known) if known else None,
            "promised_frauds": float((weight * probability)[rows].sum()),
        }
        drift: dict[str, float] = {}
        for n, column in columns.items():
            family = f"psi_{families.get(n, 'other')}"
            drift[family] = max(drift.get(family, 0.0), profile.psi(learnt.features[n], column[rows], w))
        out.append(told | dict(sorted(drift.items())))
    return pd.DataFrame(out)


def run(reg: Registry, v: Version, c: Case) -> pd.DataFrame:
    """Make the table for a version, write it, and log a step per day."""
    try:
        gold = pq.read_table(c.served)
    except (OSError, pa.ArrowInvalid) as e:
        raise Refused(f"{c.served} is no table of served scores: it is missing or damaged") from e
    contract = json.loads(c.contract.read_text(encoding="utf-8"))
    families = {f["name"]: f["family"] for f in contract["features"]}
    with tempfile.TemporaryDirectory() as tmp:
        root = pathlib.Path(tmp)
        manifest = json.loads((reg.fetch(v, root).directory / "manifest.json").read_text(encoding="utf-8"))
        learnt = reg.learnt(v, root / "learnt").profile
        threshold = next(t["raw"] for t in manifest["thresholds"] if t["fpr"] == LEVEL)
        frame = table(gold, threshold, learnt, families)
        if c.out:
            partial = c.out.with_name(c.out.name + ".partial")
            frame.to_parquet(partial, index=False)
            partial.replace(c.out)
        with reg.run(f"watch {reg.role}/{v.artefact}", {"step": "watch", "what": f"What {v.artefact} served, by day."}):
            registry.log_days(frame)
    return frame
