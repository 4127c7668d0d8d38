"""Check that Spark, delta-rs and Delta Kernel read the tables of shared/lake, and make those that it must refuse.

    delta_check.py read DIR      compare rows, versions and statistics of DIR/types with DIR/types.json
    delta_check.py aged DIR      compare rows and version of DIR/aged, of many commits, with DIR/aged.json
    delta_check.py foreign DIR   write tables by both engines, plain ones and some with a raised protocol
    delta_check.py appended DIR  read back the row that shared/lake appended to the plain ones

Exit code 1 names every difference. SENTINELA_JARS is the directory of the lake's jars.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from delta_readers import Row, deltars_rows, differences, floats, kernel_rows, spark_rows, spark_session

VERSIONS = 13  # entry 0 and one commit per row


def missing_by_skipping(session: Any, table: Path, rows: list[Row]) -> Iterator[str]:
    """Ask Spark for every value by equality: a minimum above or a maximum below it would hide the row's file."""
    from pyspark.sql import functions as fn  # noqa: PLC0415 - only where the engine is wanted

    frame = session.read.format("delta").load(str(table))
    for row in rows:
        wanted = {"s": row["s"], "n": row["n"], "t": row["t"], "r.x": row["r"] and row["r"]["x"]}
        for column, value in wanted.items():
            hit = (fn.col(column) == fn.lit(value)) & (fn.col("id") == row["id"])
            if value is not None and frame.where(hit).count() != 1:
                yield f"Spark does not find row {row['id']} by {column}"
        instant = f"at = timestamp_micros({row['at']}L) AND id = {row['id']}"
        if row["at"] is not None and frame.where(instant).count() != 1:
            yield f"Spark does not find row {row['id']} by at"


def statistics(table: Path, rows: list[Row]) -> Iterator[str]:
    """Compare what delta-rs decodes of the statistics with the rows: each file holds one."""
    from deltalake import DeltaTable  # noqa: PLC0415 - only where the engine is wanted

    frame = DeltaTable(str(table)).get_add_actions(flatten=True)
    columns = {name: frame[name].to_pylist() for name in frame.column_names}
    actions = [{name: column[i] for name, column in columns.items()} for i in range(frame.num_rows)]
    by_id = {action["min.id"]: action for action in actions}
    if len(by_id) != len(rows):
        yield f"delta-rs sees {len(by_id)} files with statistics, want {len(rows)}"
    for row in rows:
        action = by_id.get(row["id"], {})
        if action.get("num_records") != 1:
            yield f"row {row['id']}: num_records {action.get('num_records')}"
        for column in ("s", "n", "f", "t", "at"):
            if action.get(f"null_count.{column}") != int(row[column] is None):
                yield f"row {row['id']}: null_count.{column} is {action.get(f'null_count.{column}')}"
        for column in ("s", "n"):
            low, high, value = action.get(f"min.{column}"), action.get(f"max.{column}"), row[column]
            if value is None:
                continue
            if low is None or encoded(low) > encoded(value) or (high is not None and encoded(high) < encoded(value)):
                yield f"row {row['id']}: {column} is outside {low!r} to {high!r}"
        if "min.f" in action and action["min.f"] is not None:
            yield f"row {row['id']}: a float has a minimum"


def encoded(value: str | int) -> bytes | int:
    """Texts compare by their bytes in UTF-8."""
    return value.encode() if isinstance(value, str) else value


def read(work: Path) -> list[str]:
    """Compare what the engines read with what was written."""
    from deltalake import DeltaTable  # noqa: PLC0415 - only where the engine is wanted

    table = work / "types"
    want = floats(json.loads((work / "types.json").read_text()))
    session = spark_session(work)
    problems = [f"Spark: {d}" for d in differences(want, spark_rows(session, table))]
    problems += [f"delta-rs: {d}" for d in differences(want, deltars_rows(table))]
    head, rows = kernel_rows(table)
    problems += [f"Delta Kernel: {d}" for d in differences(want, floats(rows))]
    if head != {"version": VERSIONS - 1, "txn": len(want)}:
        problems.append(f"Delta Kernel: {head}")
    problems += missing_by_skipping(session, table, want)
    problems += statistics(table, want)
    history = [row.version for row in session.sql(f"DESCRIBE HISTORY delta.`{table}`").collect()]
    if sorted(history) != list(range(VERSIONS)) and not (work / "cut").exists():
        problems.append(f"Spark: versions {sorted(history)}")
    if DeltaTable(str(table)).version() != VERSIONS - 1:
        problems.append(f"delta-rs: version {DeltaTable(str(table)).version()}")
    at_nine = session.read.format("delta").option("versionAsOf", 9).load(str(table)).count()
    if at_nine != 9:
        problems.append(f"Spark: {at_nine} rows at version 9")
    session.stop()
    return problems


def aged(work: Path) -> list[str]:
    """Compare what the engines read of many commits: each id from 0 once, the version, the exporter's transaction."""
    from deltalake import DeltaTable  # noqa: PLC0415 - only where the engine is wanted

    table, want = work / "aged", json.loads((work / "aged.json").read_text())
    session = spark_session(work)
    found = (
        session.read.format("delta").load(str(table)).selectExpr("count(*)", "count(DISTINCT id)", "min(id)", "max(id)")
    )
    version = session.sql(f"DESCRIBE HISTORY delta.`{table}` LIMIT 1").first().version
    seen = {"Spark": (*found.first(), version)}
    session.stop()
    other = DeltaTable(str(table))
    seen["delta-rs"] = (*spread(other.to_pyarrow_table(columns=["id"])["id"].to_pylist()), other.version())
    txns = {"delta-rs": other.transaction_version("export")}
    head, rows = kernel_rows(table)
    seen["Delta Kernel"] = (*spread([row["id"] for row in rows]), head["version"])
    txns["Delta Kernel"] = head["txn"]
    right = (want["rows"], want["rows"], 0, want["rows"] - 1, want["version"])
    problems = [
        f"{engine}: rows, ids, least, greatest, version {got}, want {right}"
        for engine, got in seen.items()
        if got != right
    ]
    return problems + [
        f"{engine}: transaction {got}, want {want['txn']}" for engine, got in txns.items() if got != want["txn"]
    ]


def spread(ids: list[int]) -> tuple[int, int, int, int]:
    """Return how many ids there are, how many different ones, the least and the greatest."""
    return len(ids), len(set(ids)), min(ids), max(ids)


def spark_table(session: Any, path: Path, properties: str, layout: str = "") -> None:
    """Make a table of five commits of one row each."""
    session.sql(f"CREATE TABLE delta.`{path}` (id BIGINT, s STRING) USING DELTA {layout} TBLPROPERTIES ({properties})")
    for i in range(5):
        session.sql(f"INSERT INTO delta.`{path}` VALUES ({i}, 'v{i}')")


def foreign(work: Path) -> list[str]:
    """Write tables by Spark and delta-rs: those named plain-* may be appended to, the others must be refused."""
    import pyarrow as pa  # noqa: PLC0415 - only where the engine is wanted
    from deltalake import write_deltalake  # noqa: PLC0415 - only where the engine is wanted

    write_deltalake(
        str(work / "plain-deltars"),
        pa.table({"id": pa.array([1, 2], pa.int64()), "s": ["a", "b"]}),
        configuration={"delta.appendOnly": "true"},
    )
    session = spark_session(work)
    tables = {
        "plain-spark": "'delta.appendOnly' = 'true', 'delta.checkpointInterval' = '2'",
        "spark-deletion-vectors": "'delta.appendOnly' = 'true', 'delta.enableDeletionVectors' = 'true'",
        "spark-column-mapping": "'delta.appendOnly' = 'true', 'delta.columnMapping.mode' = 'name'",
        "spark-row-tracking": "'delta.appendOnly' = 'true', 'delta.enableRowTracking' = 'true'",
        "spark-not-append-only": "'delta.appendOnly' = 'false'",
        "spark-forgets": "'delta.appendOnly' = 'true', 'delta.setTransactionRetentionDuration' = 'interval 1 days'",
    }
    for name, properties in tables.items():
        spark_table(session, work / name, properties)
    spark_table(session, work / "spark-partitioned", "'delta.appendOnly' = 'true'", "PARTITIONED BY (s)")
    spark_table(session, work / "plain-optimised", "'delta.appendOnly' = 'true', 'delta.checkpointInterval' = '4'")
    session.sql(f"OPTIMIZE delta.`{work / 'plain-optimised'}`")
    session.stop()
    return []


def appended(work: Path) -> list[str]:
    """Read back, with every engine, the plain tables that the writer appended a row (99, 'ours') to."""
    from deltalake import DeltaTable  # noqa: PLC0415 - only where the engine is wanted

    session = spark_session(work)
    problems = []
    for table in sorted(work.glob("plain-*")):
        counts = {
            "Spark": session.read.format("delta").load(str(table)).where("id = 99 AND s = 'ours'").count(),
            "delta-rs": DeltaTable(str(table)).to_pyarrow_table()["id"].to_pylist().count(99),
            "Delta Kernel": sum(row["id"] == 99 for row in kernel_rows(table)[1]),
        }
        problems += [f"{engine} sees our row {n} times in {table.name}" for engine, n in counts.items() if n != 1]
    session.stop()
    return problems


def main() -> int:
    """Run one of the checks and say what is wrong."""
    problems = {"read": read, "aged": aged, "foreign": foreign, "appended": appended}[sys.argv[1]](Path(sys.argv[2]))
    for problem in problems:
        print(f"delta: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
