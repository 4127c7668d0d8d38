"""Writes silver as wire JSON for `pixctl vectors`, runs it, and compares its vectors with those that were served.

A challenger with new features learns from vectors that were never served: they are computed again, from the payments in
silver, by the one feature engine. Rows carry tokens and no raw identifier, and the engine needs no more. What the
exports do not hold cannot be replayed: statuses (settled, rejected, returned) are no table of theirs, so features over
statuses come out as if none had arrived unless the statuses are given beside.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import subprocess
from collections.abc import Callable

import numpy as np
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from sentinela_lake import tables, wire
from sentinela_lake.failures import told
from sentinela_lake.stream import Lake
from sentinela_models import vectors
from sentinela_models.errors import Refused

SHOWN = 5
WEIGHTED = "get_json_object(facts, '$.sampling_weight') IS NOT NULL"
STATUS_WORDS = ("_settled_", "_returned_", "_rejected_")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How replayed vectors compare with served ones."""

    both: int  # payments that are in both tables
    equal: int  # of them, those with every compared feature equal bit for bit, NaN like NaN
    differing: dict[str, int]  # feature to payments


def write(lake: Lake, out: pathlib.Path, source: str = "decisions") -> tuple[int, int]:
    """Write events.jsonl, labels.jsonl and weights.jsonl from silver; return how many payments and labels."""
    out.mkdir(parents=True, exist_ok=True)
    with told(f"silver/{source}"):
        columns = tables.PAYMENT_COLUMNS
        payments = lake.read(f"silver/{source}").select(*columns).orderBy("event_time", "end_to_end_id")
        events = lines(payments, wire.payment, out / "events.jsonl")
        lines(payments.where(WEIGHTED), wire.weight, out / "weights.jsonl")
        if not lake.has(lake.path("silver/labels")):
            return events, 0
        known = lake.read("silver/labels").orderBy("arrived_at", "label_id")
        return events, lines(known, wire.label, out / "labels.jsonl")


def lines(rows: DataFrame, written: Callable[[dict], dict], path: pathlib.Path) -> int:
    """Write rows as lines of JSON, one partition in memory at a time."""
    count = 0
    with path.open("w", encoding="utf-8") as f:
        for row in rows.toLocalIterator():
            f.write(json.dumps(written(row.asDict(recursive=True)), separators=(",", ":")) + "\n")
            count += 1
    return count


def run(pixctl: pathlib.Path, directory: pathlib.Path, statuses: pathlib.Path | None = None) -> pathlib.Path:
    """Replay the files of a directory; return the table of vectors. A line that pixctl refuses stops the run."""
    out = directory / "vectors.parquet"
    command = [str(pixctl), "vectors", "-events", str(directory / "events.jsonl"), "-out", str(out)]
    for kind in ("labels", "weights"):
        beside = directory / f"{kind}.jsonl"
        if beside.exists() and beside.stat().st_size:
            command += [f"-{kind}", str(beside)]
    if statuses:
        command += ["-statuses", str(statuses)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told_of = [line for line in done.stderr.splitlines() if ".jsonl:" in line or line.startswith("pixctl:")]
        raise Refused(f"pixctl vectors refused what silver holds: {'; '.join(told_of[:1] + told_of[-1:])}")
    return out


def compare(served: pathlib.Path, replayed: pathlib.Path, without: tuple[str, ...] = ()) -> Comparison:
    """Compare two tables in the layout of `pixctl vectors` by EndToEndId, on the features that both have."""
    ours, theirs = pq.read_table(served), pq.read_table(replayed)
    features = [
        n
        for n in ours.column_names
        if n not in vectors.FIXED_COLUMNS and n in theirs.column_names and not any(w in n for w in without)
    ]
    place = {i: n for n, i in enumerate(theirs["end_to_end_id"].to_pylist())}
    pairs = [(n, place[i]) for n, i in enumerate(ours["end_to_end_id"].to_pylist()) if i in place]
    left, right = (np.array(side, dtype=int) for side in zip(*pairs, strict=True)) if pairs else ([], [])
    same = np.ones(len(pairs), dtype=bool)
    differing = {}
    for name in features:
        a, b = ours[name].to_numpy()[left], theirs[name].to_numpy()[right]
        equal = (a == b) | (np.isnan(a) & np.isnan(b))
        if not equal.all():
            differing[name] = int((~equal).sum())
        same &= equal
    return Comparison(len(pairs), int(same.sum()), differing)


def tell(c: Comparison) -> str:
    """Say it in one line."""
    worst = sorted(c.differing.items(), key=lambda kv: (-kv[1], kv[0]))[:SHOWN]
    detail = ": " + ", ".join(f"{name} in {n}" for name, n in worst) if worst else ""
    return f"replay: {c.equal} of {c.both} payments have the vector that was served, bit for bit{detail}"
