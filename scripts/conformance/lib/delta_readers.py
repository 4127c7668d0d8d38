"""Three second implementations of Delta that read what shared/lake wrote: Spark, delta-rs and Delta Kernel for Java.

Each reader returns the rows in the form of `types.json`, which the writer's test wrote beside the table: timestamps in
microseconds since 1970, bytes in hexadecimal, floats as Python floats.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]


# Tables of these checks are small: what prepares a query for millions of rows takes longer than the query.
SMALL = {
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def spark_session(work: Path) -> Any:
    """Start Spark as the lake does, one core, everything it writes below `work`."""
    from sentinela_lake import session  # noqa: PLC0415 - only where the engine is wanted

    return session.start(1, SMALL | {"spark.sql.warehouse.dir": str(work / "warehouse")})


def kernel_rows(table: Path) -> tuple[dict[str, Any], list[Row]]:
    """Read a table with Delta Kernel; return {version, txn of the exporter} and the rows in order of id."""
    import pyspark  # noqa: PLC0415 - only where the engine is wanted

    jars = [os.environ["SENTINELA_JARS"], str(Path(pyspark.__file__).parent / "jars")]
    program = str(Path(__file__).with_name("KernelRows.java"))
    command = ["java", "-Xmx1g", "-cp", os.pathsep.join(f"{d}/*" for d in jars), program, str(table), "export"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Delta Kernel does not read {table}: {done.stderr.strip()[-2000:]}")
    head, *rows = (json.loads(line) for line in done.stdout.split("\n") if line)
    return head, sorted(rows, key=lambda row: row["id"])


def spark_rows(session: Any, table: Path) -> list[Row]:
    """Read the table of types with Spark."""
    frame = (
        session.read.format("delta")
        .load(str(table))
        .selectExpr(
            "id",
            "s",
            "j",
            "lower(hex(b)) AS b",
            "n",
            "f",
            "t",
            "unix_micros(at) AS at",
            "if(r IS NULL, NULL, named_struct('x', r.x, 'at', unix_micros(r.at), 'inner', r.inner)) AS r",
            "ls",
            "lr",
            "late",
        )
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
    """Turn floats that are text, as in `types.json`, into floats."""
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
