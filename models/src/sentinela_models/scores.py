"""Reads a table of `pixctl score` (or of a baseline) and what a simulator knows of its payments."""

from __future__ import annotations

import dataclasses
import datetime
import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentinela_models import vectors
from sentinela_models.errors import Refused

NUMBERS = ("amount_brl", "raw", "probability")

MULE_ROLES = ("mule", "collector")
HOUR, DAY = 3_600_000_000, 86_400_000_000  # microseconds


@dataclasses.dataclass(frozen=True)
class Scores:
    """Scored payments in the order of the file. Numbers index the lists of names; -1 is none."""

    role: str
    model: str
    truth: bool
    left_out: int
    ids: pa.Array
    at: np.ndarray  # microseconds UTC
    arrived: np.ndarray  # of a fraud report, 0 when none
    raw: np.ndarray
    probability: np.ndarray
    amount: np.ndarray  # R$
    weight: np.ndarray
    fraud: np.ndarray  # bool
    mule: np.ndarray  # bool: a fraud whose payee is a mule's account
    account: np.ndarray  # numbers in the order of first appearance
    typology: np.ndarray  # names, "" is none
    look_alike: np.ndarray
    age_band: np.ndarray
    state: np.ndarray
    shares: list[tuple[str, float]]  # mean absolute contribution by feature

    @property
    def day(self) -> np.ndarray:
        """Local days: America/Sao_Paulo has been UTC-3 since 2019."""
        return (self.at - 3 * HOUR) // DAY


@dataclasses.dataclass(frozen=True)
class Truth:
    """What only the simulator knows, by EndToEndId; ordinary payments have no entry."""

    facts: dict[str, dict]
    roles: bool

    def column(self, ids: list[str], key: str, none: object) -> np.ndarray:
        """Return one fact of each payment."""
        return np.array([self.facts[i].get(key, none) if i in self.facts else none for i in ids])


def read_truth(path: pathlib.Path) -> Truth:
    """Read truth.jsonl."""
    facts = {}
    with path.open(encoding="utf-8") as f:
        for line in f:
            fact = json.loads(line)
            if fact.get("fraud") or fact.get("look_alike"):
                facts[fact["end_to_end_id"]] = fact
    return Truth(facts, any(f.get("payee_role") for f in facts.values()))


def micros(text: str, none: int = np.iinfo(np.int64).max) -> int:
    """Read an RFC 3339 time; "" is none."""
    if not text:
        return none
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round((at - datetime.datetime.fromtimestamp(0, datetime.UTC)) / datetime.timedelta(microseconds=1))


@dataclasses.dataclass(frozen=True)
class Window:
    """Which rows count and what was known of them: RFC 3339 times, "" is open."""

    since: str = ""  # event time
    until: str = ""  # event time, excluded
    known_at: str = ""  # reports that arrived later are unknown


def read(path: pathlib.Path, truth: Truth | None, window: Window = Window()) -> Scores:
    """Read a table of scores; rows outside the window or within what the model was fitted to are left out."""
    table = read_table(path)
    meta = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    rows = table.num_rows
    begin = micros(window.since, 0)
    if meta.get("fitted_until"):
        begin = max(begin, micros(meta["fitted_until"]) + 1)
    at = table["event_time"].to_numpy()
    table = table.filter((at >= begin) & (at < micros(window.until)))
    if table.num_rows == 0:
        raise Refused("no row is left to measure")
    side = "payee" if meta.get("role") == "receiver" else "payer"
    label, ids = table["label"].to_numpy(), table["end_to_end_id"].to_pylist()
    arrived = np.where(label == 1, table["label_arrived_at"].fill_null(0).to_numpy(), 0)
    arrived = np.where(arrived <= micros(window.known_at), arrived, 0)
    if truth is None:
        fraud = arrived != 0
        mule, typology, look = fraud, np.where(fraud, text(table, "typology"), ""), np.full(len(ids), "")
    else:
        fraud = truth.column(ids, "fraud", False).astype(bool)
        mule = fraud & (np.isin(truth.column(ids, "payee_role", ""), MULE_ROLES) | (not truth.roles))
        typology = np.where(fraud, truth.column(ids, "typology", ""), "")
        look = np.where(fraud, "", truth.column(ids, "look_alike", ""))
    return Scores(
        role=meta.get("role", ""),
        model=f"{meta.get('role', '')}/{meta.get('model_version', '')}",
        truth=truth is not None,
        left_out=rows - table.num_rows,
        ids=table["end_to_end_id"].combine_chunks(),
        at=table["event_time"].to_numpy(),
        arrived=arrived,
        raw=table["raw"].to_numpy(),
        probability=table["probability"].to_numpy(),
        amount=table["amount_brl"].to_numpy(),
        weight=table["split_weight"].to_numpy(),
        fraud=fraud,
        mule=mule,
        account=table[f"{side}_account"].combine_chunks().dictionary_encode().indices.to_numpy(),
        typology=typology,
        look_alike=look,
        age_band=known(text(table, f"{side}_age_band")),
        state=known(text(table, f"{side}_state")),
        shares=shares(table, json.loads(meta.get("features", "[]"))),
    )


def read_table(path: pathlib.Path) -> pa.Table:
    """Read a table of scores, or refuse other columns, other types, and nulls where nothing can be missing."""
    schema = pq.read_schema(path)
    columns = {**vectors.FIXED_COLUMNS, **dict.fromkeys(NUMBERS, pa.float64())}
    if schema.names != [*columns, "contributions"]:
        raise Refused(f"the columns are {schema.names}, expected {[*columns, 'contributions']}")
    vectors.check_types(schema, columns)
    kind = schema.field("contributions").type
    if not pa.types.is_list(kind) or kind.value_type != pa.float64():
        raise Refused(f"column contributions is {kind}, expected a list of double")
    table = vectors.complete(pq.read_table(path))
    for name in (*NUMBERS, "split_weight"):
        if np.isnan(table[name].to_numpy()).any():
            raise Refused(f"column {name}: a value is missing")
    return table


def text(table, name: str) -> np.ndarray:
    """Return a column of strings."""
    return table[name].fill_null("").to_numpy(zero_copy_only=False).astype(str)


def known(column: np.ndarray) -> np.ndarray:
    """Name what is empty."""
    return np.where(column == "", "unknown", column)


def shares(table, features: list[str]) -> list[tuple[str, float]]:
    """Return the mean absolute contribution of each feature over the rows that have contributions."""
    column = table["contributions"].combine_chunks()
    explained = np.diff(column.offsets.to_numpy()) == len(features) + 1
    if not features or not explained.any():
        return []
    values = column.filter(explained).flatten().to_numpy().reshape(-1, len(features) + 1)[:, :-1]
    weight = table["split_weight"].to_numpy()[explained]
    mean = (np.abs(values) * weight[:, None]).sum(axis=0) / weight.sum()
    order = sorted(np.flatnonzero(mean > 0), key=lambda i: -mean[i])
    return [(features[i], float(mean[i])) for i in order]
