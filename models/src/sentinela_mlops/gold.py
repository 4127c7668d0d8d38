"""Reads the gold table, Parquet in the layout of `pixctl vectors`, and cuts windows out of it by event time.

A gold row is a payment with the vector as it was served and the label as it was known at the cut. What a data frame
makes of the types (timestamps, booleans) is taken back; a column that is missing is refused by its name.
"""

from __future__ import annotations

import dataclasses
import datetime
import pathlib
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from sentinela_models import scores, vectors
from sentinela_models.errors import Refused
from sentinela_models.vectors import Contract, Vectors

ACCOUNT = {"payer": "payer_account", "receiver": "payee_account"}


@dataclasses.dataclass(frozen=True)
class Window:
    """Rows of one role whose labels are taken as what is known, and whose account each is."""

    rows: Vectors
    account: np.ndarray  # numbers from 0, the unit of the bootstrap
    table: pathlib.Path  # the same rows for pixctl


def read(path: pathlib.Path, role: str, contract: Contract) -> pa.Table:
    """Read the gold rows of a role, with exactly the columns of the contract."""
    if not path.exists():
        raise Refused(f"there is no gold table at {path}")
    if (path / "_delta_log").is_dir():
        raise Refused(f"{path} is a Delta table: name the Parquet snapshot that the gold job wrote")
    try:
        source = ds.dataset(path, format="parquet")
    except (pa.ArrowInvalid, OSError) as e:
        raise Refused(f"{path} is not Parquet, or a file of it is damaged: write the gold table again") from e
    wanted = [*vectors.FIXED_COLUMNS, *contract.features]
    if missing := [name for name in wanted if name not in source.schema.names]:
        raise Refused(f"the gold table has no column {', '.join(missing[:5])}: it was made for another contract")
    keep = ds.field("model") == role if "model" in source.schema.names else None
    try:
        table = source.to_table(columns=wanted, filter=keep)
    except (pa.ArrowInvalid, OSError) as e:
        raise Refused(f"a file of {path} cannot be read: write the gold table again") from e
    return typed(table).replace_schema_metadata({"feature_set": contract.feature_set})


def typed(table: pa.Table) -> pa.Table:
    """Return the columns in the types of pixctl vectors; a value that does not fit is refused, never rounded."""
    for name in table.column_names:
        kind = vectors.FIXED_COLUMNS.get(name, pa.float64())
        column = table.column(name)
        if column.type == kind:
            continue
        try:
            if pa.types.is_timestamp(column.type):
                column = pc.cast(column, pa.timestamp("us", column.type.tz))
            column = pc.cast(column, kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as e:
            raise Refused(f"column {name} is {column.type} and holds values that are no {kind}") from e
        table = table.set_column(table.schema.get_field_index(name), name, column)
    return table


def write(table: pa.Table, out: pathlib.Path, since: str = "", until: str = "") -> pathlib.Path:
    """Write the rows between two RFC 3339 times, the second excluded, for the packages and pixctl to read."""
    at = table["event_time"]
    begin, end = scores.micros(since, 0), scores.micros(until)
    cut = table.filter(pc.and_(pc.greater_equal(at, begin), pc.less(at, end)))
    if cut.num_rows == 0:
        raise Refused(f"no gold row lies between {since or 'the beginning'} and {until or 'the end'}")
    pq.write_table(cut, out)
    return out


def put(table: pa.Table, name: str, values: object) -> pa.Table:
    """Return the table with another column in the place of one."""
    at = table.schema.get_field_index(name)
    field = table.schema.field(at)
    return table.set_column(at, field, pa.array(values, field.type, from_pandas=True))


def known(table: pa.Table, at: str) -> pa.Table:
    """Return the same rows with the labels that had arrived by a RFC 3339 time, as gold has them at that cut."""
    unknown = pc.fill_null(pc.greater(table["label_arrived_at"], scores.micros(at)), False)
    for name, nothing in (("label", 0), ("typology", ""), ("label_arrived_at", None)):
        column = table[name]
        given = pc.if_else(unknown, pa.scalar(nothing, column.type), column)
        table = table.set_column(table.schema.get_field_index(name), name, given)
    return table


def window(path: pathlib.Path, role: str, contract: Contract) -> Window:
    """Read what write wrote. A false report of a boosted world would outweigh all frauds here as it would in a fit."""
    rows = vectors.read_vectors(path, role, contract)
    if len(np.unique(rows.ids)) != len(rows.ids):
        raise Refused("a payment is in the window twice: gold has one row per EndToEndId")
    table = pq.read_table(path, columns=["end_to_end_id", ACCOUNT[role]])
    numbers = table[ACCOUNT[role]].combine_chunks().dictionary_encode().indices.to_numpy()
    ids = table["end_to_end_id"].to_numpy(zero_copy_only=False).astype(str)
    order = np.argsort(ids)
    return Window(rows.levelled(), numbers[order][np.searchsorted(ids[order], rows.ids)], path)


def moment(path: pathlib.Path, text: str) -> str:
    """Return an RFC 3339 time: the text itself, or for 10d ten days before the newest row."""
    days = re.fullmatch(r"(\d+(?:\.\d+)?)d", text)
    return days_before(path, float(days[1])) if days else text


def days_before(path: pathlib.Path, days: float) -> str:
    """Return the RFC 3339 time that lies so many days before the newest row."""
    newest = pc.max(ds.dataset(path, format="parquet").to_table(columns=["event_time"])["event_time"])
    micros = newest.cast(pa.int64()).as_py() - int(days * scores.DAY)
    return datetime.datetime.fromtimestamp(micros // 1_000_000, datetime.UTC).isoformat().replace("+00:00", "Z")
