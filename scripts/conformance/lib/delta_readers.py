"""Two second implementations of Delta that read what shared/lake wrote: Spark with delta-spark, and delta-rs.

Each reader returns the rows in the form of `types.json`, which the writer's test wrote beside the table: timestamps in
microseconds since 1970, bytes in hexadecimal, floats as Python floats.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def spark_session(work: Path) -> Any:
    """Start Spark with Delta, one core, UTC, everything it writes below `work`."""
    from delta import configure_spark_with_delta_pip  # noqa: PLC0415 - only where the engine is wanted
    from pyspark.sql import SparkSession  # noqa: PLC0415 - only where the engine is wanted

    builder = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(work / "warehouse"))
        .config("spark.driver.memory", "1g")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.databricks.delta.snapshotPartitions", "1")
    )
    session = configure_spark_with_delta_pip(builder).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def spark_rows(session: Any, table: Path) -> list[Row]:
    """Read the table of types with Spark."""
    frame = session.read.format("delta").load(str(table)).selectExpr(
        "id", "s", "j", "lower(hex(b)) AS b", "n", "f", "t", "unix_micros(at) AS at",
        "if(r IS NULL, NULL, named_struct('x', r.x, 'at', unix_micros(r.at), 'inner', r.inner)) AS r",
        "ls", "lr", "late",
    )
    return sorted((row.asDict(recursive=True) for row in frame.collect()), key=lambda row: row["id"])


def deltars_rows(table: Path) -> list[Row]:
    """Read the table of types with delta-rs."""
    import pyarrow as pa  # noqa: PLC0415 - only where the engine is wanted
    import pyarrow.compute as pc  # noqa: PLC0415 - only where the engine is wanted
    from deltalake import DeltaTable  # noqa: PLC0415 - only where the engine is wanted

    frame = pa.table(DeltaTable(str(table)).to_pyarrow_table())
    kind = frame.schema.field("at").type
    if not (pa.types.is_timestamp(kind) and kind.unit == "us" and kind.tz == "UTC"):
        raise SystemExit(f"delta-rs reads `at` as {kind}, not as microseconds in UTC")
    record = pa.chunked_array(frame.column("r")).combine_chunks()
    instants = pc.cast(pc.struct_field(record, "at"), pa.int64()).to_pylist()
    at = pc.cast(frame.column("at"), pa.int64()).to_pylist()
    plain = frame.drop_columns(["at", "r"]).to_pylist()
    inner = pc.struct_field(record, "inner").to_pylist()
    texts = pc.struct_field(record, "x").to_pylist()
    there = record.is_valid().to_pylist()
    rows = []
    for i, row in enumerate(plain):
        row["at"] = at[i]
        row["b"] = None if row["b"] is None else row["b"].hex()
        row["r"] = {"x": texts[i], "at": instants[i], "inner": inner[i]} if there[i] else None
        row.setdefault("late", None)
        rows.append(row)
    return sorted(rows, key=lambda row: row["id"])


def floats(rows: list[Row]) -> list[Row]:
    """Turn the floats of `types.json`, which are text there, into floats."""
    for row in rows:
        row["f"] = None if row["f"] is None else float(row["f"])
        for element in row["lr"] or []:
            element["value"] = None if element["value"] is None else float(element["value"])
    return rows


def differences(want: list[Row], got: list[Row]) -> Iterator[str]:
    """Say where two lists of rows differ; `repr` tells -0.0 from 0.0."""
    if len(want) != len(got):
        yield f"{len(got)} rows, want {len(want)}"
    for expected, row in zip(want, got, strict=False):
        for column, value in expected.items():
            if repr(row.get(column)) != repr(value):
                yield f"row {expected['id']}, {column}: {row.get(column)!r}, want {value!r}"
