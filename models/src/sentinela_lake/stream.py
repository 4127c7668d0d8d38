"""Runs a stream over what is there and stops: a job starts it again, and it goes on at its checkpoint."""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Callable

from delta import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import DataStreamWriter

from sentinela_lake import failures, tables

RESTARTS = 3  # a schema changes seldom; each change stops a stream once


@dataclasses.dataclass(frozen=True)
class Lake:
    """Where things are: the lake's own root, and the exports, which are only read."""

    spark: SparkSession
    root: str
    exports: str

    def path(self, table: str) -> str:
        """Return the directory of a table of the lake."""
        return f"{self.root.rstrip('/')}/{table}"

    def export(self, name: str) -> str:
        """Return the directory of an exported table."""
        return f"{self.exports.rstrip('/')}/{name}"

    def has(self, path: str) -> bool:
        """Report whether there is a Delta table."""
        return DeltaTable.isDeltaTable(self.spark, path)

    def read(self, table: str) -> DataFrame:
        """Read a table of the lake."""
        return self.spark.read.format("delta").load(self.path(table))

    def version(self, table: str) -> int:
        """Return the Delta version of a table as it is now."""
        return DeltaTable.forPath(self.spark, self.path(table)).history(1).first()["version"]

    def ensure(self, name: str, *partitions: str) -> None:
        """Create a table of the lake with its columns and their descriptions, unless it exists."""
        if self.has(self.path(name)):
            return
        builder = DeltaTable.createIfNotExists(self.spark).location(self.path(name))
        builder = builder.addColumns(tables.all_tables()[name].columns)
        (builder.partitionedBy(*partitions) if partitions else builder).execute()


def run(name: str, source: Callable[[], DataStreamWriter], checkpoint: str) -> int:
    """Run a stream until it has read what was there when it began; return how many rows that was.

    `source` builds it anew for each start: a stream whose source got a new column stops once and reads it when started
    again.
    """
    began, rows = time.monotonic(), 0
    for attempt in range(RESTARTS + 1):
        query = source().option("checkpointLocation", checkpoint).trigger(availableNow=True).queryName(name).start()
        try:
            query.awaitTermination()
        except PySparkException as e:
            if attempt == RESTARTS or not failures.restartable(e):
                raise
            print(f"{name}: starting again after {failures.sentence(failures.whole(e))}", flush=True)
        rows += sum(p["numInputRows"] for p in query.recentProgress)
        if query.exception() is None:
            break
    print(f"{name}: {rows} rows in {time.monotonic() - began:.1f} s", flush=True)
    return rows


def once(batch: DataFrame, batch_id: int, writer: str) -> dict[str, str]:
    """Return the options under which Delta takes one batch of one stream once, however often it is written.

    The stream's own id is in the name, so that a stream begun anew is not taken for the old one.
    """
    stream = batch.sparkSession.sparkContext.getLocalProperty("sql.streaming.queryId")
    if not stream:
        raise RuntimeError("a batch that does not know its stream cannot be written once")
    return {"txnAppId": f"{writer}/{stream}", "txnVersion": str(batch_id)}


def local(path: pathlib.Path | str) -> str:
    """Return an absolute path for a local one; an address with a scheme stays."""
    return str(path) if "://" in str(path) else str(pathlib.Path(path).absolute())
