"""Every table of the lake: where it lies, its columns, its key and who writes it. docs/lake-schema.md is made of it.

The exported columns follow from the warehouse's schema files, so that a column is added in one place.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import json

from pyspark.sql import types as t

from sentinela_models import vectors

KINDS: dict[str, t.DataType] = {
    "STRING": t.StringType(),
    "JSON": t.StringType(),
    "TIMESTAMP": t.TimestampType(),
    "INTEGER": t.LongType(),
    "FLOAT": t.DoubleType(),
    "BOOLEAN": t.BooleanType(),
}
WRITTEN_AT = {
    "name": "written_at",
    "type": "TIMESTAMP",
    "mode": "NULLABLE",
    "description": "When the append of this row began, UTC. Not part of the fact: a repeated row has another.",
}
EXPORTS = ("decisions", "labels", "alerts")
TOPIC = "pix.tokenised"


@dataclasses.dataclass(frozen=True)
class Table:
    """One Delta table of the lake."""

    name: str  # also its path below the lake's root
    about: str
    key: str
    writer: str
    columns: t.StructType


def packaged(name: str) -> bytes:
    """Read a file of the contract that travels with the package."""
    return (importlib.resources.files("sentinela_lake") / "contract" / name).read_bytes()


def field(doc: dict) -> t.StructField:
    """Turn one column of a warehouse schema file into Spark's; nothing is required of a file by Parquet's own means."""
    kind = struct(doc["fields"]) if doc["type"] == "RECORD" else KINDS[doc["type"]]
    if doc.get("mode") == "REPEATED":
        kind = t.ArrayType(kind)
    return t.StructField(doc["name"], kind, True, {"comment": doc.get("description", "")})


def struct(docs: list[dict]) -> t.StructType:
    """Turn the columns of a warehouse schema file into Spark's."""
    return t.StructType([field(d) for d in docs])


@functools.cache
def exported(name: str) -> t.StructType:
    """Return the columns of an exported table."""
    docs = json.loads(packaged(f"{name}.json"))
    known = {d["name"] for d in docs}
    return struct(docs if WRITTEN_AT["name"] in known else [*docs, WRITTEN_AT])


def column(name: str, kind: t.DataType, about: str) -> t.StructField:
    """Declare one column with its description."""
    return t.StructField(name, kind, True, {"comment": about})


def plus(columns: t.StructType, *more: t.StructField) -> t.StructType:
    """Return the columns with others after them."""
    return t.StructType([*columns.fields, *more])


INGESTED = column("ingested_at", t.TimestampType(), "When this row came into the lake, UTC.")
FILE = column("source_file", t.StringType(), "Data file of the export that held the row.")
COORDINATES = (
    column("topic", t.StringType(), "Kafka topic of the record."),
    column("partition", t.IntegerType(), "Its partition."),
    column("offset", t.LongType(), "Its offset: with topic and partition, the record's one place."),
    column("record_time", t.TimestampType(), "The record's timestamp, which is its producer's word."),
)
ID_DAY = column("id_day", t.StringType(), "Day written inside the EndToEndId; a function of the key, for pruning only.")
ROW_HASH = column("row_hash", t.LongType(), "Hash of the exported columns: breaks ties between repeated rows.")

# What the tokenised topic says of a payment, in the columns of `decisions`.
PAYMENT_COLUMNS = (
    *("end_to_end_id", "event_time", "received_at", "direction", "amount_centavos", "initiation"),
    *("payer_account", "payer_owner", "payer_key", "payer_ispb"),
    *("payee_account", "payee_owner", "payee_key", "payee_ispb"),
    *("device", "facts", "previous_tokens", "tx_id_token"),
)


@functools.cache
def payment() -> t.StructType:
    """Return the columns of a payment that was not decided yet."""
    decisions = exported("decisions")
    return t.StructType([decisions[name] for name in PAYMENT_COLUMNS])


def quarantine() -> t.StructType:
    """Return the columns of the quarantine: places and reasons, never what was in a record.

    No payload, and no hash of it: the hash of a short payload is undone by trying every CPF. A record's place finds it
    again in the topic or the file, for whoever may read those.
    """
    return t.StructType(
        [
            column("source", t.StringType(), "Where it came from: an exported table or a topic."),
            column("reason", t.StringType(), "Name of the rule that it broke; a closed set."),
            column("end_to_end_id", t.StringType(), "Only of an exported row whose id is well formed."),
            FILE,
            *COORDINATES[:3],
            column("length", t.LongType(), "Bytes of the record's value; NULL for a row of a file."),
            column("quarantined_at", t.TimestampType(), "When it was put here, UTC."),
        ]
    )


ARROW = {"string": t.StringType(), "int64": t.LongType(), "int32": t.IntegerType(), "double": t.DoubleType()}
GOLD_ABOUT = {
    "end_to_end_id": "EndToEndId of the payment.",
    "event_time": "When the payment was accepted, microseconds UTC.",
    "label_arrived_at": "When the label known at the cut arrived, microseconds UTC; NULL when none was known.",
    "label": "1 when the label known at the cut says fraud; a fraud nobody had reported by then is 0.",
    "typology": "Kind of fraud of that label.",
    "direction": "The institution's seat.",
    "split_weight": "How many payments this row stands for: 1, but in a simulation.",
    "payer_account": "Token of the payer's account.",
    "payee_account": "Token of the payee's account.",
}


@functools.cache
def features() -> vectors.Contract:
    """Return the feature list of this release."""
    doc = json.loads(packaged("features.json"))
    return vectors.Contract(doc["version"], [f["name"] for f in doc["features"]])


@functools.cache
def gold() -> t.StructType:
    """Return the columns of gold: the cut, what a loss is counted in, then those of `pixctl vectors` in its order."""
    fixed = [
        column(name, ARROW[str(kind)], GOLD_ABOUT.get(name, "By this a model is judged in groups."))
        for name, kind in vectors.FIXED_COLUMNS.items()
    ]
    served = [column(name, t.DoubleType(), "Feature as served; NaN is missing.") for name in features().features]
    return t.StructType(
        [
            column("as_of", t.TimestampType(), "The cut: nothing that became known later is in the row."),
            column("amount_centavos", t.LongType(), "Amount in centavos."),
            column("model_version", t.StringType(), "Models that scored it."),
            *fixed,
            *served,
        ]
    )


def bronze_table(name: str) -> Table:
    """Describe the bronze table of an export."""
    about = f"Rows of the exported `{name}` as received, repeated ones too."
    return Table(f"bronze/{name}", about, "none", "bronze", plus(exported(name), FILE, INGESTED))


@functools.cache
def all_tables() -> dict[str, Table]:
    """Return every table that the lake writes, by name."""
    decisions = plus(exported("decisions"), FILE, INGESTED, ID_DAY, ROW_HASH)
    alerts = plus(exported("alerts"), FILE, INGESTED, ID_DAY, ROW_HASH)
    label_id = column("label_id", t.StringType(), "Hash of what the label says, who says it, of what and when.")
    labels = plus(exported("labels"), FILE, INGESTED, ROW_HASH, label_id)
    received = plus(payment(), *COORDINATES, INGESTED)
    one = "the one that was {} first wins, whatever arrives when"
    tables = [
        *(bronze_table(name) for name in EXPORTS),
        Table(
            "bronze/transactions",
            f"Payments of the Kafka topic `{TOPIC}`: what is known of them, without what this release does not know.",
            "topic, partition, offset",
            "bronze",
            received,
        ),
        Table(
            "silver/decisions",
            f"One row per payment: {one.format('decided')}.",
            "end_to_end_id",
            "silver",
            decisions,
        ),
        Table(
            "silver/alerts", f"One row per alerted payment: {one.format('raised')}.", "end_to_end_id", "silver", alerts
        ),
        Table(
            "silver/labels",
            "One row per version of a label, of unknown payments too.",
            "label_id",
            "silver",
            labels,
        ),
        Table(
            "silver/transactions",
            "One row per payment of the topic: the lowest partition and offset wins.",
            "end_to_end_id",
            "silver",
            plus(received, ID_DAY, ROW_HASH),
        ),
        Table(
            "quarantine/records",
            "What was not understood: where it is and why, never what it says.",
            "none",
            "bronze (topic), silver (exports)",
            quarantine(),
        ),
        Table(
            "gold/vectors",
            "The vector as served with the label as known at the cut, one row per payment and cut.",
            "as_of, end_to_end_id",
            "gold",
            gold(),
        ),
    ]
    return {table.name: table for table in tables}
