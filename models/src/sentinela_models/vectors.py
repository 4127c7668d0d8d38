"""Reads the Parquet file of `pixctl vectors`: fixed columns first, then the features in the order of the vector."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import itertools
import json
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from sentinela_models.errors import Refused

FIXED_COLUMNS = {
    "end_to_end_id": pa.string(),
    "event_time": pa.int64(),  # microseconds UTC
    "label_arrived_at": pa.int64(),  # microseconds UTC, null when no label arrived
    "label": pa.int32(),  # 1 is fraud
    "typology": pa.string(),
    "direction": pa.string(),
    "split_weight": pa.float64(),  # how many payments this row stands for
    "payer_account": pa.string(),  # tokens
    "payee_account": pa.string(),
    "payer_age_band": pa.string(),  # empty when unknown
    "payer_state": pa.string(),
    "payee_age_band": pa.string(),
    "payee_state": pa.string(),
}

# What may be null: in the others nothing can be missing. A null feature is a missing one, like NaN.
NULLABLE = {"label_arrived_at", "typology", "payer_age_band", "payer_state", "payee_age_band", "payee_state"}

ROLE_DIRECTIONS = {"payer": ("OUTBOUND", "INTERNAL"), "receiver": ("INBOUND", "INTERNAL")}


@dataclasses.dataclass(frozen=True)
class Vectors:
    """Rows of one role in event-time order, ties by EndToEndId."""

    features: list[str]
    x: np.ndarray  # rows by features, NaN is missing
    label: np.ndarray  # 0 or 1
    weight: np.ndarray
    event_time: np.ndarray  # microseconds UTC
    typology: np.ndarray
    arrived_at: np.ndarray  # of the label, microseconds UTC, NaN when none
    ids: np.ndarray  # EndToEndId

    def take(self, rows: np.ndarray) -> Vectors:
        """Return these rows, in this order."""
        columns = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "features"}
        return Vectors(self.features, **{name: column[rows] for name, column in columns.items()})

    def joined(self, later: Vectors) -> Vectors:
        """Return these rows and later ones of the same features."""
        names = [f.name for f in dataclasses.fields(self) if f.name != "features"]
        return Vectors(self.features, **{n: np.concatenate([getattr(self, n), getattr(later, n)]) for n in names})

    def known_at(self, micros: int) -> Vectors:
        """Return the same rows with the labels that had arrived by then: a fraud not yet reported looks legitimate."""
        return dataclasses.replace(self, label=np.where(self.arrived_at <= micros, self.label, 0).astype(np.int8))

    def judged_by(self, truth: dict[str, str]) -> Vectors:
        """Return the same rows with the simulator's truth in place of what was reported."""
        typology = np.array([truth.get(i, "") for i in self.ids])
        return dataclasses.replace(self, label=(typology != "").astype(np.int8), typology=typology)

    def levelled(self) -> Vectors:
        """Return the same rows with no reported fraud far heavier than the others.

        In a world with boosted fraud a fraud stands for a small part of a payment, but a false report, which nobody can
        tell from a true one, still for a whole one: a handful would outweigh all frauds in whatever is fitted.
        """
        fraud = self.label == 1
        if not fraud.any():
            return self
        cap = np.quantile(self.weight[fraud], 0.99)
        return dataclasses.replace(self, weight=np.where(fraud, np.minimum(self.weight, cap), self.weight))

    def whole_frauds(self) -> Vectors:
        """Return the same rows, each reported fraud counting as one payment and the others as they weigh.

        Where frauds weigh nearly alike, as in one simulated world, that is one factor, which multiplies the odds of
        fraud and changes no order. Counting every row as one would change it: where fraud is boosted, nearly half of
        the others are neighbours of it, or frauds that nobody reported, and weigh as little as fraud does.
        """
        return dataclasses.replace(self, weight=np.where(self.label == 1, 1.0, self.weight))

    def thin(self, negatives: int, seed: int) -> Vectors:
        """Keep every reported fraud and at most so many other rows, drawn by chance; their weights make up for it."""
        others = np.flatnonzero(self.label == 0)
        if len(others) <= negatives:
            return self
        kept = np.random.default_rng(seed).choice(others, negatives, replace=False)
        rows = np.sort(np.concatenate([np.flatnonzero(self.label == 1), kept]))
        thinned = self.take(rows)
        factor = np.where(thinned.label == 1, 1.0, len(others) / negatives)
        return dataclasses.replace(thinned, weight=thinned.weight * factor)


@dataclasses.dataclass(frozen=True)
class Contract:
    """The features to read: the list that the scorer computes, or the part of it that a model names, in its order."""

    feature_set: str
    features: list[str]


def read_contract(path: pathlib.Path) -> Contract:
    """Read models/contract/features.json, which the Go registry writes."""
    doc = json.loads(path.read_text(encoding="utf-8"))
    return Contract(doc["version"], [f["name"] for f in doc["features"]])


def read_truth(path: pathlib.Path) -> dict[str, str]:
    """Read the typology of every true fraud from truth.jsonl of pixctl simulate."""
    with path.open(encoding="utf-8") as f:
        facts = (json.loads(line) for line in f)
        return {f["end_to_end_id"]: f.get("typology") or "unknown" for f in facts if f.get("fraud")}


def read_vectors(path: pathlib.Path, role: str, contract: Contract | None) -> Vectors:
    """Read the rows that a role scores; refuse a file that lacks a feature of the contract. Others are left out."""
    if role not in ROLE_DIRECTIONS:
        raise Refused(f"there is no role {role!r}")
    schema = pq.read_schema(path)
    features = check_schema(schema, contract)
    complete(
        pq.read_table(path, columns=list(FIXED_COLUMNS))
    )  # before the filter, which a null direction does not pass
    table = pq.read_table(path, filters=[("direction", "in", list(ROLE_DIRECTIONS[role]))])
    if table.num_rows == 0:
        raise Refused(f"the file holds no row that the {role} model scores")
    x = np.column_stack([table.column(name).to_numpy() for name in features]) if features else np.empty((0, 0))
    if np.isinf(x).any():
        raise Refused("a feature is infinite: the feature engine never serves that")
    label = table.column("label").to_numpy()
    weight = table.column("split_weight").to_numpy()
    if not np.isin(label, (0, 1)).all():
        raise Refused("label is not 0 or 1 everywhere")
    if not (np.isfinite(weight) & (weight > 0)).all():
        raise Refused("split_weight is not positive everywhere")
    times = table.column("event_time").to_numpy()
    ids = table.column("end_to_end_id").to_numpy(zero_copy_only=False).astype(str)
    typology = table.column("typology").fill_null("").to_numpy(zero_copy_only=False).astype(str)
    arrived = table.column("label_arrived_at").to_numpy(zero_copy_only=False).astype(float)
    if (np.isnan(arrived) & (label == 1)).any():
        raise Refused("a fraud has no label_arrived_at")
    order = np.lexsort((ids, times))
    return Vectors(features, x, label.astype(np.int8), weight, times, typology, arrived, ids).take(order)


def check_schema(schema: pa.Schema, contract: Contract | None) -> list[str]:
    """Return the features to read, or refuse columns that are missing, of another type, or in another order."""
    fixed = list(FIXED_COLUMNS)
    if schema.names[: len(fixed)] != fixed:
        raise Refused(f"the first columns are {schema.names[: len(fixed)]}, expected {fixed}")
    check_types(schema, FIXED_COLUMNS)
    features = schema.names[len(fixed) :]
    if not features or len(set(features)) != len(features):
        raise Refused("there are no feature columns, or one name twice")
    for name in features:
        if schema.field(name).type != pa.float64():
            raise Refused(f"feature {name} is {schema.field(name).type}, expected double")
    if contract is None:
        return features
    stated = (schema.metadata or {}).get(b"feature_set", b"").decode()
    if stated and revision(stated) != revision(contract.feature_set):
        raise Refused(
            f"the file was written with feature set {stated}, the contract is {contract.feature_set}: "
            "of another revision, so its names mean something else; run pixctl vectors again"
        )
    return part(features, contract.features)


def revision(feature_set: str) -> str:
    """Return the part of a feature set's version that says what names mean; the rest says which names there are."""
    return feature_set.partition("-")[0]


def part(features: list[str], wanted: list[str]) -> list[str]:
    """Return the wanted names, which a file names among others and in the same order: the scorer's rule for models."""
    place = {name: i for i, name in enumerate(features)}
    if absent := [name for name in wanted if name not in place]:
        raise Refused(f"features of the contract are not in the file: {', '.join(absent)}; run pixctl vectors again")
    for before, after in itertools.pairwise(wanted):
        if place[before] >= place[after]:
            raise Refused(f"the features are in another order than the contract's: {after} stands before {before}")
    return wanted


def check_types(schema: pa.Schema, columns: dict[str, pa.DataType]) -> None:
    """Refuse columns of another type than the one that is read: numbers of another kind would be taken as they are."""
    for name, kind in columns.items():
        if schema.field(name).type != kind:
            raise Refused(f"column {name} is {schema.field(name).type}, expected {kind}")


def complete(table: pa.Table) -> pa.Table:
    """Return the table if nothing is null that cannot be missing."""
    for name in FIXED_COLUMNS:
        if name not in NULLABLE and table[name].null_count:
            row = int(np.flatnonzero(table[name].is_null().to_numpy())[0]) + 1
            raise Refused(f"row {row}: column {name}: the value is missing")
    return table


def sha256(path: pathlib.Path) -> str:
    """Hash a file in pieces."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def files(path: pathlib.Path) -> dict[str, str]:
    """Return name and sha256 of each Parquet file that is read where a file or a directory is named."""
    try:
        found = ds.dataset(path, format="parquet").files
    except (pa.ArrowInvalid, OSError) as e:
        raise Refused(f"{path} is not Parquet, or a file of it is damaged") from e
    root = path if path.is_dir() else path.parent
    return {str(pathlib.Path(f).relative_to(root)): sha256(pathlib.Path(f)) for f in sorted(found)}


def iso(micros: int) -> str:
    """Write microseconds since the epoch as RFC 3339 in UTC."""
    at = datetime.datetime.fromtimestamp(micros / 1e6, tz=datetime.UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
