"""What must hold of a table as a whole, or the run stops and says which rows.

Written as Spark SQL, without a library: Databricks' own expectations exist in its pipelines only and so could not run
on a laptop or in a test, Great Expectations brings many packages and shows the values that it refuses. Here a rule
is a name and an expression, and a refusal names rows by EndToEndId alone.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sentinela_models.errors import Refused


@dataclasses.dataclass(frozen=True)
class Expectation:
    """A rule by name; the SQL is true for a row that keeps it."""

    name: str
    sql: str


class Broken(Refused):
    """Rows break expectations; each is a sentence of its own."""

    def __init__(self, table: str, failed: list[str]) -> None:
        super().__init__(f"{table}: " + "; ".join(failed))
        self.failed = failed


def report(path: pathlib.Path, failed: list[str], files: dict[str, str] | None = None) -> None:
    """Write what the gate reads, as a whole or not at all.

    {"passed": bool, "failed": [text, ...], "files": {name: sha256}}: the gate takes it for these bytes and no others.
    """
    doc = {"passed": not failed, "failed": failed, "files": files or {}}
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(doc) + "\n", encoding="utf-8")
    partial.replace(path)


def check(table: str, rows: DataFrame, rules: list[Expectation], key: str, shown: int) -> int:
    """Return the number of rows, or refuse with each broken rule, how many rows break it and the first `shown` ids."""
    broken = [F.when(~F.coalesce(F.expr(r.sql), F.lit(False)), F.lit(r.name)) for r in rules]
    marked = rows.select(key, F.array_compact(F.array(*broken)).alias("broken")).persist()
    try:
        bad = marked.select(key, F.explode("broken").alias("rule"))
        repeated = marked.groupBy(key).count().where("count > 1").select(key, F.lit(f"unique_{key}").alias("rule"))
        found = bad.unionByName(repeated)
        counts = {r["rule"]: r["count"] for r in found.groupBy("rule").count().collect()}
        if counts:
            raise Broken(table, [tell(found, name, counts[name], key, shown) for name in sorted(counts)])
        return marked.count()
    finally:
        marked.unpersist()


def tell(found: DataFrame, rule: str, count: int, key: str, shown: int) -> str:
    """Say which rows break a rule."""
    ids = [r[0] for r in found.where(F.col("rule") == rule).select(key).distinct().orderBy(key).limit(shown).collect()]
    more = f" and {count - len(ids)} more" if count > len(ids) else ""
    return f"expectation {rule} failed for {count} rows: {', '.join(str(i) for i in ids)}{more}"
