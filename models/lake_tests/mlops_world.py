"""A made-up gold table with the contract's features, quick to train on, and models of it."""

import atexit
import dataclasses
import functools
import json
import os
import pathlib
import shutil
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentinela_mlops import artefacts, cli, evidence, gate, gold, training
from sentinela_mlops.pixctl import Pixctl
from sentinela_models import train as trainer
from sentinela_models import vectors

ROOT = pathlib.Path(__file__).parents[2]
CONTRACT_FILE = ROOT / "models" / "contract" / "features.json"
CONTRACT = vectors.read_contract(CONTRACT_FILE)
DAY = 86_400_000_000  # microseconds
START = 1_767_225_600_000_000  # 2026-01-01
DAYS, ROWS = 30, 30_000
EARLY, CUT = "2026-01-14T00:00:00Z", "2026-01-24T00:00:00Z"  # the champion's rows end, the window begins
SIGNS = {
    "account_takeover": ("payer_out_count_1h", "amount_to_balance"),
    "mule_account": ("payee_burst_24h", "amount_to_limit"),
}
TREES, LEAVES = 15, 5
LEFT_OUT = "0.0005,0.0001"  # rates that take more rows than a test wants
BOUNDS = gate.Bounds(left_out=cli.bounds(LEFT_OUT).left_out, replicates=100)
CHECKED = evidence.Expected([], "g", "g")
# Few of the features, so that a model is trained in a second; the champion knows one less than the others.
NEWEST = "payee_burst_24h"
READ = [n for n in CONTRACT.features if n in {"session_seconds", "amount_brl", *sum(SIGNS.values(), ())}]


def report_expectations(path: pathlib.Path, table: pathlib.Path, *failed: str) -> None:
    """Write what `sentinela-lake gold` reports of a gold table."""
    doc = {"passed": not failed, "failed": failed, "files": vectors.files(table)}
    path.write_text(json.dumps(doc))


def pixctl() -> Pixctl:
    """Return the pixctl that was built: make builds it, or PIXCTL names one."""
    binary = pathlib.Path(os.environ.get("PIXCTL", ROOT / "build" / "pixctl"))
    assert binary.is_file(), f"{binary} is not there: make build/pixctl, or set PIXCTL"
    return Pixctl(binary)


def made_up(rows: int = ROWS, seed: int = 1) -> pa.Table:
    """Return payments of 30 days; each of two typologies has signs of its own, and some frauds have none."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (rows, len(CONTRACT.features)))
    x[rng.random(x.shape) < 0.03] = np.nan
    x[:, CONTRACT.features.index("amount_brl")] = rng.lognormal(4, 1, rows)  # always known
    label = (rng.random(rows) < 0.09).astype(np.int32)
    kinds = np.array(list(SIGNS))[rng.integers(0, len(SIGNS), rows)]
    for kind, signs in SIGNS.items():
        seen = (label == 1) & (kinds == kind) & (rng.random(rows) < 0.85)
        for name in signs:
            x[seen, CONTRACT.features.index(name)] = rng.normal(4, 1, seen.sum())
    times = START + np.sort(rng.integers(0, DAYS * DAY, rows))
    late = rng.integers(DAY // 24, DAY, rows)
    columns = {
        "end_to_end_id": [f"E99000001{seed:04d}{i:019d}" for i in range(rows)],
        "event_time": times,
        "label_arrived_at": [int(t + d) if y else None for t, d, y in zip(times, late, label, strict=True)],
        "label": label,
        "typology": np.where(label == 1, kinds, ""),
        "direction": np.full(rows, "OUTBOUND"),
        "split_weight": np.where(label == 1, 0.05, 1.0),
        "payer_account": [f"acct.1.{i}" for i in rng.integers(0, rows // 6, rows)],
        "payee_account": [f"acct.1.{i}" for i in rng.integers(0, rows // 6, rows)],
    }
    names = [n for n in vectors.FIXED_COLUMNS if n not in columns]
    columns |= {n: np.full(rows, "SP" if n.endswith("state") else "18-24") for n in names}
    arrays = [pa.array(columns[n], k) for n, k in vectors.FIXED_COLUMNS.items()]
    arrays += [pa.array(x[:, i]) for i in range(x.shape[1])]
    return pa.table(arrays, names=[*vectors.FIXED_COLUMNS, *CONTRACT.features])


@functools.cache
def world() -> pa.Table:
    """Return the one world of most tests."""
    return made_up()


@dataclasses.dataclass(frozen=True)
class Made:
    """A trained model and what it learnt from."""

    directory: pathlib.Path
    learnt: evidence.Learnt

    def candidate(self) -> evidence.Candidate:
        """Return the model as a registry would have it."""
        return evidence.Candidate(self.directory, artefacts.read(self.directory).sha256)


def contract(root: pathlib.Path, *without: str) -> pathlib.Path:
    """Write a contract that names part of the features."""
    doc = json.loads(CONTRACT_FILE.read_text())
    named = [f for f in doc["features"] if f["name"] in READ and f["name"] not in without]
    out = root / f"contract-{len(named)}.json"
    out.write_text(json.dumps({**doc, "features": named}))
    return out


def train(table: pa.Table, root: pathlib.Path, version: str, until: str = CUT, *without: str) -> Made:
    """Train on the rows before a time."""
    root.mkdir(parents=True, exist_ok=True)
    rows = gold.write(table, root / f"{version}.parquet", until=until)
    request = training.Request(root, contract(root, *without), trees=TREES, leaves=LEAVES)
    o = training.options_of(request, "payer", rows, root / "payer" / version)
    trainer.run(o)
    return Made(o.out, training.look(o, vectors.read_contract(request.contract)))


@functools.cache
def shared() -> pathlib.Path:
    """Return a directory that lives as long as the tests."""
    root = pathlib.Path(tempfile.mkdtemp(prefix="mlops-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


@functools.cache
def champion() -> Made:
    """Return a model that learnt from the first days."""
    return train(world(), shared(), "1", EARLY, NEWEST)


@functools.cache
def honest() -> Made:
    """Return a model that learnt from all days before the window."""
    return train(world(), shared(), "2")


def window(root: pathlib.Path, since: str = CUT) -> gold.Window:
    """Return the latest rows."""
    return gold.window(gold.write(world(), root / "window.parquet", since=since), "payer", CONTRACT)


class Alike(Pixctl):
    """A Go side that verifies by the hashes and scores as LightGBM does, in a time that is made up."""

    def __init__(self) -> None:
        super().__init__(pathlib.Path("/none"))

    def verify(self, directory: pathlib.Path) -> dict:
        """Compare the hashes."""
        a = artefacts.read(directory)
        for name, stated in a.manifest["files"].items():
            if artefacts.digest((directory / name).read_bytes()) != stated:
                raise artefacts.Refused(f"pixctl model verify: refused: {name} has another hash")
        return {}

    def score(self, directory: pathlib.Path, table: pathlib.Path, out: pathlib.Path) -> dict:
        """Score with LightGBM."""
        a = artefacts.read(directory)
        rows = pq.read_table(table, filters=[("direction", "in", list(vectors.ROLE_DIRECTIONS[a.manifest["role"]]))])
        raw, probability = a.score(np.column_stack([rows[n] for n in a.manifest["features"]]), a.manifest["features"])
        kept = rows.select(["end_to_end_id", "event_time"])
        pq.write_table(kept.append_column("raw", [raw]).append_column("probability", [probability]), out)
        return {"seconds": 1.0}


def judge(candidate: Made, root: pathlib.Path, go: Pixctl | None = None, **change: object) -> gate.Report:
    """Judge a candidate against the champion."""
    root.mkdir(parents=True, exist_ok=True)
    w = window(root, str(change.pop("since", CUT)))
    found = evidence.gather(candidate.candidate(), champion().candidate(), candidate.learnt, w, CHECKED, go or Alike())
    return gate.judge(dataclasses.replace(found, **change), BOUNDS)


@functools.cache
def gathered() -> gate.Evidence:
    """Return what is known of the honest model, for tests that change one fact of it."""
    w = window(shared())
    return evidence.gather(honest().candidate(), champion().candidate(), honest().learnt, w, CHECKED, Alike())
