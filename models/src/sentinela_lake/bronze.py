"""Bronze: what arrived, once, with the place it came from.

Exports are taken as they are: our own writer made them from rows that hold tokens only. A record of the topic is read
first, because bronze keeps nothing that this release did not recognise: what cannot be understood leaves its place and
a reason in the quarantine, and of the rest only known, checked fields come in. So a raw identifier that somebody sends
to the topic by mistake does not reach a table, a checkpoint (which holds offsets) or a log.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as t
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.streaming import DataStreamWriter

from sentinela_lake import stream, tables, wire
from sentinela_lake.failures import told
from sentinela_lake.stream import Lake
from sentinela_models.errors import Refused

TRANSACTIONS = "bronze/transactions"
QUARANTINE = "quarantine/records"


def exports(lake: Lake) -> dict[str, int]:
    """Take what was exported since the last run; return the rows of each table. Decisions must be there."""
    taken = {}
    for name in tables.EXPORTS:
        if not lake.has(lake.export(name)):
            if name == "decisions":
                raise Refused(
                    f"there is no Delta table at {lake.export(name)}: has the export run, is --exports right?"
                )
            print(f"bronze/{name}: nothing was exported yet", flush=True)
            continue
        with told(f"the export {name}"):
            check_columns(name, lake.spark.read.format("delta").load(lake.export(name)).schema)
            taken[name] = take_export(lake, name)
    return taken


def check_columns(name: str, found: t.StructType) -> None:
    """Refuse an export that lacks a column of ours or has it in another type; further columns are welcome."""
    have = {f.name: f.dataType for f in found}
    for f in tables.exported(name):
        if f.name not in have:
            raise Refused(f"the export {name} has no column {f.name} any more: nothing was read; put the column back")
        if plain(have[f.name]) != plain(f.dataType):
            raise Refused(
                f"column {f.name} of the export {name} is {plain(have[f.name])}, expected {plain(f.dataType)}: "
                "nothing was read"
            )


def plain(kind: t.DataType) -> str:
    """Write a type without nullability and descriptions."""
    return kind.simpleString()


def take_export(lake: Lake, name: str) -> int:
    """Append new rows of an export to its bronze table; Delta's own sink takes each batch once."""
    table = f"bronze/{name}"
    lake.ensure(table)

    def source() -> DataStreamWriter:
        rows = lake.spark.readStream.format("delta").load(lake.export(name))
        placed = rows.withColumn("source_file", F.input_file_name()).withColumn("ingested_at", F.current_timestamp())
        sink = placed.writeStream.format("delta").outputMode("append").option("mergeSchema", "true")
        return sink.option("path", lake.path(table))

    return stream.run(table, source, lake.path(f"checkpoints/{table}"))


def topic(lake: Lake, brokers: str, name: str, max_records: int = 100_000) -> int:
    """Take what the tokenised topic holds beyond the checkpoint; return the records.

    At most so many records make one batch. A record that is gone before it was read stops the run.
    """
    lake.ensure(TRANSACTIONS)
    lake.ensure(QUARANTINE)

    def source() -> DataStreamWriter:
        records = (
            lake.spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", brokers)
            .option("subscribe", name)
            .option("startingOffsets", "earliest")
            .option("includeHeaders", "true")
            .option("failOnDataLoss", "true")
            .option("maxOffsetsPerTrigger", str(max_records))
            .load()
        )
        return records.writeStream.foreachBatch(lambda batch, batch_id: keep(lake, batch, batch_id))

    with told(f"topic {name}"):
        return stream.run(TRANSACTIONS, source, lake.path(f"checkpoints/{TRANSACTIONS}"))


def keep(lake: Lake, batch: DataFrame, batch_id: int) -> None:
    """Put each record of a batch into bronze or into the quarantine, each once."""
    read = understood(batch).persist()
    try:
        good = read.where("reason IS NULL").drop("reason", "length").withColumn("ingested_at", F.current_timestamp())
        append(good, lake.path(TRANSACTIONS), stream.once(batch, batch_id, "bronze"))
        bad = read.where("reason IS NOT NULL").select(
            F.col("topic").alias("source"),
            "reason",
            F.lit(None).cast("string").alias("end_to_end_id"),
            F.lit(None).cast("string").alias("source_file"),
            "topic",
            "partition",
            "offset",
            "length",
            F.current_timestamp().alias("quarantined_at"),
        )
        append(bad, lake.path(QUARANTINE), stream.once(batch, batch_id, TRANSACTIONS))
    finally:
        read.unpersist()


def append(rows: DataFrame, path: str, once: dict[str, str]) -> None:
    """Append rows to a Delta table, once for each stream and batch."""
    rows.write.format("delta").mode("append").options(**once).save(path)


def parsed_schema() -> t.StructType:
    """Return the columns of a record that was read: of the payment or a reason, with its place."""
    reason = t.StructField("reason", t.StringType())
    length = t.StructField("length", t.LongType())
    return tables.plus(tables.payment(), *tables.COORDINATES, reason, length)


def understood(batch: DataFrame) -> DataFrame:
    """Read each record in Python, by the wire format's own descriptor."""
    header = "CAST(try_element_at(filter(headers, h -> h.key = '{0}'), 1).value AS STRING) AS {0}"
    records = batch.selectExpr(
        "CAST(key AS STRING) AS key",
        "value",
        "topic",
        "partition",
        "offset",
        "timestamp AS record_time",
        header.format("schema"),
        header.format("encoding"),
    )
    return records.mapInArrow(read_batches, parsed_schema())


def read_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Read records batch by batch."""
    schema = to_arrow_schema(parsed_schema(), timestamp_utc=True)
    for batch in batches:
        yield pa.RecordBatch.from_pylist([read_record(r) for r in batch.to_pylist()], schema=schema)


def read_record(record: dict) -> dict:
    """Read one record; one that is not understood has only its place, its length and the reason."""
    out = {f.name: record[f.name] for f in tables.COORDINATES}
    value = record["value"]
    out["length"] = 0 if value is None else len(value)
    try:
        row = wire.read(value, record["schema"], record["encoding"])
        if record["key"] != row["end_to_end_id"]:
            raise wire.Bad("key")
    except wire.Bad as e:
        return out | {"reason": str(e)}
    return out | row
