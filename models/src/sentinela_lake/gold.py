"""Gold: the vector as served, joined with the label as it was known at a cut.

The layout is that of `pixctl vectors`, so the package that trains the shipped models reads it unchanged, and its rules
hold: a fraud that nobody had reported by the cut is a row like any other (label 0), every row keeps its weight, and
`label_arrived_at` lets the training look from an earlier day still. Point-in-time correct means: a label counts from
its arrival on, of several the one that arrived last until the cut; a later correction is not seen.
"""

from __future__ import annotations

import dataclasses
import datetime
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from sentinela_lake import tables
from sentinela_lake.expectations import Expectation, check
from sentinela_lake.failures import told
from sentinela_lake.stream import Lake
from sentinela_models import vectors
from sentinela_models.errors import Refused

TABLE = "gold/vectors"
SCORES = ("raw", "probability")
GROUPS = {
    f"{side}_{fact}": f"get_json_object(facts, '$.{side}.{fact}')"
    for side in ("payer", "payee")
    for fact in ("age_band", "state")
}


@dataclasses.dataclass(frozen=True)
class Counts:
    """What went into gold, and what did not and why."""

    rows: int
    labelled: int  # rows whose payment has a label known at the cut
    fraud: int
    labels_without_payment: int  # kept in silver; they join once the payment is there
    without_vector: int  # shed: decided without a vector
    degraded: int  # the feature store did not answer: not what a model is to learn from
    other_features: int  # served with another feature list: replay them


def build(lake: Lake, as_of: datetime.datetime, shown: int = 10) -> Counts:
    """Write the rows of one cut; the same cut again replaces them."""
    contract = tables.features()
    with told(TABLE):
        if not lake.has(lake.path("silver/decisions")):
            raise Refused(f"there is no silver yet in {lake.root}: run bronze and silver first")
        decisions = lake.read("silver/decisions").where(F.col("event_time") <= F.lit(as_of))
        known = known_labels(lake, as_of).persist()
        usable = decisions.where(served(contract.feature_set))
        rows = joined(usable, known, as_of, contract).persist()
        try:
            counted = check(TABLE, rows, rules(as_of), "end_to_end_id", shown)
            told_of = count(decisions, known, rows, contract.feature_set, counted)
            replace(lake, rows.select(tables.gold().fieldNames()), as_of)
        finally:
            rows.unpersist()
            known.unpersist()
    say(told_of)
    return told_of


def known_labels(lake: Lake, as_of: datetime.datetime) -> DataFrame:
    """Return the label in force of each payment at the cut. Of two that arrived together the greater id wins."""
    if not lake.has(lake.path("silver/labels")):
        lake.ensure("silver/labels")
    labels = lake.read("silver/labels").where(F.col("arrived_at") <= F.lit(as_of))
    latest = Window.partitionBy("end_to_end_id").orderBy(F.desc("arrived_at"), F.desc("label_id"))
    ranked = labels.withColumn("rank", F.row_number().over(latest)).where("rank = 1")
    return ranked.select("end_to_end_id", "arrived_at", "fraud", F.col("typology").alias("kind"))


def served(feature_set: str) -> Column:
    """Return the condition that a decision holds a whole vector of this feature list."""
    whole = F.col("vector").isNotNull() & ~F.coalesce("features_missing", F.lit(False))
    return whole & F.coalesce(F.col("feature_set") == feature_set, F.lit(False))


def joined(decisions: DataFrame, known: DataFrame, as_of: datetime.datetime, contract: vectors.Contract) -> DataFrame:
    """Return gold's columns, with the length of the vector and the arrival as checks see them."""
    both = decisions.withColumn("served", F.from_json("vector", "array<double>")).join(known, "end_to_end_id", "left")
    fraud = F.coalesce("fraud", F.lit(False))
    fixed = {
        "event_time": F.unix_micros("event_time"),
        "label_arrived_at": F.unix_micros("arrived_at"),
        "label": fraud.cast("int"),
        "typology": F.when(fraud, F.coalesce("kind", F.lit(""))).otherwise(F.lit("")),
        "split_weight": F.coalesce(
            F.expr("try_cast(get_json_object(facts, '$.sampling_weight') AS double)"), F.lit(1.0)
        ),
        **{name: F.coalesce(F.expr(sql), F.lit("")) for name, sql in GROUPS.items()},
    }
    missing = F.lit(float("nan"))
    features = [
        F.coalesce(F.try_element_at("served", F.lit(i + 1)), missing).alias(name)
        for i, name in enumerate(contract.features)
    ]
    plain = [fixed[name].alias(name) if name in fixed else F.col(name) for name in vectors.FIXED_COLUMNS]
    cut = F.lit(as_of).alias("as_of")
    return both.select(cut, "amount_centavos", "model_version", *plain, *features, F.size("served").alias("length"))


def rules(as_of: datetime.datetime) -> list[Expectation]:
    """Return what must hold of every row."""
    cut = micros(as_of)
    names = tables.features().features
    finite = " AND ".join(f"(isnan(`{n}`) OR abs(`{n}`) < double('Infinity'))" for n in names)
    return [
        Expectation("vector_length", f"length = {len(names)}"),
        Expectation("features_finite", finite),
        Expectation("weight_positive", "split_weight > 0 AND split_weight < double('Infinity')"),
        Expectation("fraud_has_arrival", "label = 0 OR label_arrived_at IS NOT NULL"),
        Expectation("nothing_after_cut", f"event_time <= {cut} AND coalesce(label_arrived_at, 0) <= {cut}"),
        Expectation("label_not_before_payment", "label_arrived_at IS NULL OR label_arrived_at >= event_time"),
        Expectation("direction_known", "direction IN ('OUTBOUND', 'INBOUND', 'INTERNAL')"),
    ]


def count(decisions: DataFrame, known: DataFrame, rows: DataFrame, feature_set: str, total: int) -> Counts:
    """Count what a person asks of a training set."""
    degraded = F.coalesce("features_missing", F.lit(False))
    left_out = decisions.agg(
        F.count_if(F.col("vector").isNull()),
        F.count_if(F.col("vector").isNotNull() & degraded),
        F.count_if(F.col("vector").isNotNull() & ~degraded & ~served(feature_set)),
    ).first()
    here = rows.agg(F.count("label_arrived_at"), F.coalesce(F.sum("label"), F.lit(0))).first()
    unknown = known.join(decisions, "end_to_end_id", "left_anti").count()
    return Counts(total, here[0], here[1], unknown, *left_out)


def say(c: Counts) -> None:
    """Print the counts."""
    print(
        f"{TABLE}: {c.rows} rows, {c.labelled} labelled ({c.fraud} fraud); {c.labels_without_payment} labels of "
        f"unknown payments wait; left out: {c.without_vector} without a vector, {c.degraded} degraded, "
        f"{c.other_features} of another feature list",
        flush=True,
    )


def replace(lake: Lake, rows: DataFrame, as_of: datetime.datetime) -> None:
    """Write the rows of one cut in place of those that were there."""
    lake.ensure(TABLE, "as_of")
    only = f"as_of = TIMESTAMP '{as_of.isoformat(timespec='microseconds')}'"
    rows.write.format("delta").mode("overwrite").option("replaceWhere", only).save(lake.path(TABLE))


def write_parquet(lake: Lake, as_of: datetime.datetime, out: pathlib.Path, scores: str | None = None) -> int:
    """Write the rows of a cut as one file in the layout of `pixctl vectors`; the same rows give the same bytes.

    With `scores` they are those that this role's model scored, with what it said beside: raw and probability. The file
    appears under its name when it is whole.
    """
    with told(TABLE):
        rows = lake.read(TABLE).where(F.unix_micros("as_of") == micros(as_of))
        rows = rows.join(said(lake, scores), "end_to_end_id") if scores else rows
        table = rows.drop("as_of", "amount_centavos", "model_version").toArrow()
    table = table.sort_by([("event_time", "ascending"), ("end_to_end_id", "ascending")]).combine_chunks()
    names = [*vectors.FIXED_COLUMNS, *tables.features().features, *(SCORES if scores else ())]
    fields = [pa.field(n, vectors.FIXED_COLUMNS.get(n, pa.float64()), n in vectors.NULLABLE) for n in names]
    schema = pa.schema(fields, metadata={"feature_set": tables.features().feature_set})
    partial = out.with_name(out.name + ".partial")
    pq.write_table(table.select(names).cast(schema), partial)
    partial.replace(out)
    return table.num_rows


def check_beside(lake: Lake, as_of: datetime.datetime, out: pathlib.Path, shown: int) -> None:
    """Hold to the same rules what somebody put beside the file: who trains and judges reads the directory."""
    others = [str(f) for f in sorted(out.parent.glob("*.parquet")) if f != out]
    if not others:
        return
    with told(TABLE):
        rows = lake.spark.read.parquet(*others)
        names = tables.features().features
        if missing := [n for n in (*vectors.FIXED_COLUMNS, *names) if n not in rows.columns]:
            raise Refused(f"what lies beside {out} has no column {', '.join(missing[:3])}")
        check(f"beside {out.name}", rows.withColumn("length", F.lit(len(names))), rules(as_of), "end_to_end_id", shown)


def said(lake: Lake, role: str) -> DataFrame:
    """Return what a role's model said of each payment that it scored."""
    columns = [F.col(f"{role}_{name}").alias(alias) for name, alias in zip(("raw", "score"), SCORES, strict=True)]
    return lake.read("silver/decisions").select("end_to_end_id", *columns).where("raw IS NOT NULL")


def micros(at: datetime.datetime) -> int:
    """Return microseconds since the epoch, exactly."""
    return (at - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(microseconds=1)
