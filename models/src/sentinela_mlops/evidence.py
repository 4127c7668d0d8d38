"""Gathers what the gate judges by: both models' scores in Python and in Go, profile, expectations."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sentinela_mlops import artefacts, profile
from sentinela_mlops.artefacts import Artefact
from sentinela_mlops.gate import Evidence, Side
from sentinela_mlops.gold import Window
from sentinela_mlops.pixctl import Pixctl
from sentinela_mlops.profile import Profile
from sentinela_models import limits, vectors
from sentinela_models.errors import Refused

FRESH_ROWS = 20_000  # that Go scores, for parity and for time
TIMES = 3  # each model scores them, in turns; the least time counts


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A version as the registry has it."""

    directory: pathlib.Path
    stated_sha256: str


@dataclasses.dataclass(frozen=True)
class Learnt:
    """What the training run kept of its rows."""

    profile: Profile
    marks: np.ndarray


@dataclasses.dataclass(frozen=True)
class Expected:
    """What the report of data expectations says of the gold table that is judged by."""

    failed: list[str] | None  # None where there is no report
    gold_sha256: str  # fingerprint of the files of the gold table
    sha256: str  # that of the same names in the report: another one where it is of other files


def gather(
    candidate: Candidate,
    champion: Candidate,
    learnt: Learnt,
    window: Window,
    expected: Expected,
    pixctl: Pixctl,
) -> Evidence:
    """Ask both models and pixctl. Where one cannot be served, neither is asked any further."""
    pair = (candidate, champion)
    read = [artefacts.read(c.directory) for c in pair]
    refusals = [refusal(a, pixctl) for a in read]
    empty = np.empty(0)
    own, seconds, served = [(empty, empty)] * 2, [math.inf] * 2, np.empty((0, 2))
    if not any(refusals):
        own = [a.score(window.rows.x, window.rows.features) for a in read]
        seconds, served = go(read, window, pixctl)
    return Evidence(
        *(side(*told) for told in zip(read, pair, refusals, own, seconds, strict=True)),
        window=window,
        begin=vectors.iso(int(window.rows.event_time[0])),
        profile=learnt.profile,
        overlap=int(np.isin(profile.marks(window.rows.ids), learnt.marks).sum()),
        served=served,
        expectations=expected.failed,
        gold_sha256=expected.gold_sha256,
        expected_sha256=expected.sha256,
        size_refusal=read[0].size_refusal(),
        covered=not refusals[0] and read[0].covered(),
    )


def side(a: Artefact, c: Candidate, refused: str, own: tuple[np.ndarray, np.ndarray], seconds: float) -> Side:
    """Put together what is known of one model."""
    steps = limits.measure(a.text).walk if not refused else 0
    return Side(a.name, a.sha256, c.stated_sha256, refused, a.fitted_until, *own, steps=steps, seconds=seconds)


def refusal(a: Artefact, pixctl: Pixctl) -> str:
    """Return why pixctl would not serve an artefact, or an empty text."""
    try:
        pixctl.verify(a.directory)
    except Refused as e:
        return str(e)
    return ""


def go(pair: list[Artefact], window: Window, pixctl: Pixctl) -> tuple[list[float], np.ndarray]:
    """Return each model's least time in Go for the latest rows, and the candidate's scores of them in their order."""
    work = window.table.parent
    fresh, out = work / "fresh.parquet", work / "fresh-scores.parquet"
    latest = np.sort(window.rows.event_time)[-min(FRESH_ROWS, len(window.rows.ids))]
    table = pq.read_table(window.table)
    pq.write_table(table.filter(pc.greater_equal(table["event_time"], int(latest))), fresh)
    least, served = [math.inf] * 2, np.empty((0, 2))
    for _ in range(TIMES):
        for i, a in enumerate(pair):
            out.unlink(missing_ok=True)
            least[i] = min(least[i], pixctl.score(a.directory, fresh, out)["seconds"])
            served = by_time(out) if i == 0 else served
    return least, served


def by_time(scores: pathlib.Path) -> np.ndarray:
    """Return (raw, probability) in the order in which windows are kept."""
    table = pq.read_table(scores, columns=["end_to_end_id", "event_time", "raw", "probability"])
    ids = table["end_to_end_id"].to_numpy(zero_copy_only=False).astype(str)
    order = np.lexsort((ids, table["event_time"].to_numpy()))
    return np.column_stack([table["raw"].to_numpy(), table["probability"].to_numpy()])[order]


def read_expectations(path: pathlib.Path | None, gold: pathlib.Path) -> Expected:
    """Read which data expectations failed, and of which files: what expectations.report of sentinela_lake wrote."""
    files = vectors.files(gold)
    if path is None or not path.is_file():
        return Expected(None, fingerprint(files), "")
    try:
        doc = json.loads(path.read_text(encoding="utf-8"))
        failed = [str(f) for f in doc["failed"]]
        passed = doc["passed"] is True
        checked = {name: doc["files"].get(name, "") for name in files}
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise Refused(f"{path} is no report of data expectations: passed, failed and files are wanted") from e
    failed = failed if passed or failed else ["the report says that they failed"]
    return Expected(failed, fingerprint(files), fingerprint(checked))


def fingerprint(files: dict[str, str]) -> str:
    """Return one sha256 of files' names and hashes; of a single file it stands for that file."""
    return artefacts.digest(json.dumps(files, sort_keys=True).encode())
