"""Silver: one row per key, out of rows that are repeated, late and sometimes wrong.

How a repeated row is told: by its key in the whole table, in a MERGE for each batch, and not in a window of state. Rows
come back weeks later (an audit outage, a replay of dead letters), and state that a watermark evicts would let them in
twice. The MERGE keeps the smallest of all rows of a key by `order`, which no two different rows share; the outcome is
the same in whatever batches and order rows arrive, and a batch that is written again after a crash changes nothing. Its
reach is bounded by the day written inside the key, a function of the key and so never of when a row arrives. The
watermark serves to count: rows that are older than the newest by more than LATE are told, and kept.
"""

from __future__ import annotations

import dataclasses
import re

from delta import DeltaTable
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql.streaming import DataStreamWriter

from sentinela_lake import stream, tables, wire
from sentinela_lake.bronze import QUARANTINE, append
from sentinela_lake.failures import told
from sentinela_lake.stream import Lake

LATE = "2 days"
MAX_PRUNED_DAYS = 64  # more days than that in one batch: the MERGE looks at the whole table


@dataclasses.dataclass(frozen=True)
class Rules:
    """How rows of one table are judged and told apart."""

    key: str
    order: tuple[str, ...]  # the smallest wins
    valid: dict[str, str]  # name of a rule to SQL that is true for a good row
    hashed: tuple[str, ...] = ()  # columns that row_hash covers


def like(column: str, form: re.Pattern[str], optional: bool = False) -> str:
    """Write the rule that a column has a form from beginning to end."""
    rule = f"{column} RLIKE r'^(?:{form.pattern})\\z'"
    return f"({column} IS NULL OR {rule})" if optional else rule


def tokens(*columns: str) -> dict[str, str]:
    """Write the rules that columns hold a token or nothing: a raw identifier stops here at the latest."""
    return {c: like(c, wire.TOKEN, optional=True) for c in columns}


ID_RULE = {"end_to_end_id": like("end_to_end_id", wire.ID), "event_time": "event_time IS NOT NULL"}
PARTY_TOKENS = tuple(f"{side}_{kind}" for side in wire.SIDES for kind in wire.TOKENS)
PAYMENT_RULES = {
    **ID_RULE,
    "direction": "direction IN ('OUTBOUND', 'INBOUND', 'INTERNAL')",
    "amount_centavos": "amount_centavos > 0",
    "account_token": "payer_account IS NOT NULL AND payee_account IS NOT NULL",
    **tokens(*PARTY_TOKENS, "device", "tx_id_token"),
    "facts": "facts IS NULL OR try_parse_json(facts) IS NOT NULL",
}
RULES = {
    "decisions": Rules(
        "end_to_end_id",
        ("decided_at", "written_at", "row_hash"),
        {
            **PAYMENT_RULES,
            "outcome": "outcome IN ('APPROVE', 'REVIEW', 'BLOCK', 'REJECT')",
            "decided_at": "decided_at IS NOT NULL",
            "vector": "vector IS NULL OR from_json(vector, 'array<double>') IS NOT NULL",
        },
    ),
    "alerts": Rules(
        "end_to_end_id",
        ("raised_at", "written_at", "row_hash"),
        {**ID_RULE, "raised_at": "raised_at IS NOT NULL", **tokens("payer_account", "payee_account")},
    ),
    "labels": Rules(
        "label_id",
        ("written_at", "row_hash"),
        {
            **ID_RULE,
            "arrived_at": "arrived_at IS NOT NULL",
            "fraud": "fraud IS NOT NULL",
            "source": "source IN ('MED', 'DESK', 'DICT')",
            "typology": like("typology", re.compile("[a-z0-9_]{1,40}"), optional=True),
            **tokens("payer_account", "payee_account"),
        },
    ),
    "transactions": Rules("end_to_end_id", ("partition", "offset", "row_hash"), PAYMENT_RULES),
}


@dataclasses.dataclass
class Counts:
    """What a run met."""

    rows: int = 0
    quarantined: int = 0
    late: int = 0


def run(lake: Lake) -> dict[str, Counts]:
    """Bring every bronze table into silver."""
    lake.ensure(QUARANTINE)
    return {name: run_table(lake, name) for name in RULES if lake.has(lake.path(f"bronze/{name}"))}


def run_table(lake: Lake, name: str) -> Counts:
    """Bring what is new in one bronze table into silver."""
    table, counts = f"silver/{name}", Counts()
    lake.ensure(table, *(("id_day",) if RULES[name].key == "end_to_end_id" else ()))

    def source() -> DataStreamWriter:
        rows = lake.spark.readStream.format("delta").load(lake.path(f"bronze/{name}"))
        return rows.writeStream.foreachBatch(lambda batch, batch_id: divide(lake, name, batch, batch_id, counts))

    with told(table):
        counts.rows = stream.run(table, source, lake.path(f"checkpoints/{table}"))
    print(f"{table}: {counts.quarantined} quarantined, {counts.late} late by more than {LATE}", flush=True)
    return counts


def divide(lake: Lake, name: str, batch: DataFrame, batch_id: int, counts: Counts) -> None:
    """Merge the good rows of a batch, put the others aside."""
    judged = batch.withColumn("reason", first_broken(RULES[name].valid)).persist()
    try:
        bad = set_aside(name, judged.where("reason IS NOT NULL")).persist()
        counts.quarantined += bad.count()
        append(bad, lake.path(QUARANTINE), stream.once(batch, batch_id, f"silver/{name}"))
        good = first_of_key(name, keyed(name, judged.where("reason IS NULL").drop("reason"))).persist()
        counts.late += late(lake, name, good)
        merge(lake, name, good)
        good.unpersist()
        bad.unpersist()
    finally:
        judged.unpersist()


def first_broken(rules: dict[str, str]) -> Column:
    """Return the name of the first rule that a row breaks, NULL for a good row. A rule that is NULL is broken."""
    broken = [F.when(~F.coalesce(F.expr(rule), F.lit(False)), F.lit(name)) for name, rule in rules.items()]
    return F.coalesce(*broken)


def set_aside(name: str, rows: DataFrame) -> DataFrame:
    """Describe bad rows by their place; the id only where it has the form of one."""
    has_file = name in tables.EXPORTS
    absent = {"topic": "string", "partition": "int", "offset": "bigint"}
    places = [F.lit(None).cast(kind).alias(c) if has_file else F.col(c) for c, kind in absent.items()]
    return rows.select(
        F.lit(name if has_file else tables.TOPIC).alias("source"),
        "reason",
        F.expr(f"IF({like('end_to_end_id', wire.ID)}, end_to_end_id, NULL)").alias("end_to_end_id"),
        (F.col("source_file") if has_file else F.lit(None).cast("string")).alias("source_file"),
        *places,
        F.lit(None).cast("bigint").alias("length"),
        F.current_timestamp().alias("quarantined_at"),
    )


def keyed(name: str, rows: DataFrame) -> DataFrame:
    """Add the key, what prunes by it and the hash that breaks ties; the hash covers only columns of this release."""
    known = tables.exported(name) if name in tables.EXPORTS else tables.payment()
    hashed = rows.withColumn("row_hash", F.xxhash64(*known.fieldNames()))
    if name != "labels":
        return hashed.withColumn("id_day", F.substring("end_to_end_id", 10, 8))
    said = [
        F.coalesce(F.col(c).cast("string"), F.lit(""))
        for c in ("end_to_end_id", "source", "fraud", "typology", "amount_centavos", "payer_account", "payee_account")
    ]
    moment = F.unix_micros("arrived_at").cast("string")
    return hashed.withColumn("label_id", F.sha2(F.concat_ws("|", moment, *said), 256))


def first_of_key(name: str, rows: DataFrame) -> DataFrame:
    """Keep one row of each key in a batch: a MERGE takes no two."""
    rules = RULES[name]
    ranked = Window.partitionBy(rules.key).orderBy(*[F.col(c).asc_nulls_last() for c in rules.order])
    return rows.withColumn("rank", F.row_number().over(ranked)).where("rank = 1").drop("rank")


def late(lake: Lake, name: str, rows: DataFrame) -> int:
    """Count rows that are older than the newest of the table by more than LATE."""
    newest = lake.read(f"silver/{name}").agg(F.max("event_time")).first()[0]
    if newest is None:
        return 0
    return rows.where(F.col("event_time") < F.lit(newest) - F.expr(f"INTERVAL {LATE}")).count()


def merge(lake: Lake, name: str, rows: DataFrame) -> None:
    """Insert new keys; replace a row by one that comes before it in the order."""
    rules = RULES[name]
    condition = f"t.{rules.key} = s.{rules.key}"
    if rules.key == "end_to_end_id":
        condition += days_of(rows)
    target = DeltaTable.forPath(lake.spark, lake.path(f"silver/{name}"))
    (
        target.alias("t")
        .merge(rows.alias("s"), condition)
        .withSchemaEvolution()
        .whenMatchedUpdateAll(condition=before(rules.order))
        .whenNotMatchedInsertAll()
        .execute()
    )


def days_of(rows: DataFrame) -> str:
    """Name the partitions that the keys of a batch can be in."""
    days = [r[0] for r in rows.select("id_day").distinct().limit(MAX_PRUNED_DAYS + 1).collect()]
    if not days or len(days) > MAX_PRUNED_DAYS:
        return " AND t.id_day = s.id_day"
    return f" AND t.id_day IN ({', '.join(repr(d) for d in sorted(days))}) AND t.id_day = s.id_day"


def before(order: tuple[str, ...]) -> str:
    """Write the condition that s comes before t; what is missing comes last."""
    same, cases = "", []
    for c in order:
        smaller = f"(s.{c} < t.{c} OR (s.{c} IS NOT NULL AND t.{c} IS NULL))"
        cases.append(f"({same}{smaller})")
        same += f"s.{c} <=> t.{c} AND "
    return " OR ".join(cases)
