"""A lake in a temporary directory, with exports that delta-rs writes after the warehouse's schema files."""

import dataclasses
import datetime
import json
import pathlib

import pyarrow as pa
import pytest
from broker import JARS, Broker
from deltalake import write_deltalake
from pyspark.sql.pandas.types import to_arrow_schema

from sentinela_lake import bronze, gold, session, silver, stream, tables

UTC = datetime.UTC
NOON = datetime.datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
CUT = datetime.datetime(2026, 4, 1, tzinfo=UTC)

# A test has a handful of rows: what prepares a query for millions takes longer than the query.
SMALL = {
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


@pytest.fixture(scope="session")
def spark():
    """Start one session for all tests: it takes longer than most of them."""
    started = session.start(2, SMALL)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    """Start one broker for all tests; each takes topics of its own."""
    if not (JARS / ".ready").exists():
        pytest.skip(f"there are no Kafka jars in {JARS}: make test-lake fetches them where there is mvn")
    started = Broker(tmp_path_factory.mktemp("kafka"))
    yield started
    started.stop()


def payment_id(n: int, at: datetime.datetime = NOON) -> str:
    return f"E12345678{at:%Y%m%d%H%M}{n:011d}"


def token(kind: str, n: int) -> str:
    return f"{kind}.1.{n:021d}A"


def decision(n: int, at: datetime.datetime = NOON, **changes) -> dict:
    """Return a row of `decisions`; payment n has the vector n, n+1, … with every seventh value missing."""
    size = len(tables.features().features)
    vector = [None if i % 7 == 3 else float(n + i) / 3 for i in range(size)]
    row = {
        "end_to_end_id": payment_id(n, at),
        "event_time": at + datetime.timedelta(seconds=n),
        "received_at": at + datetime.timedelta(seconds=n, milliseconds=20),
        "decided_at": at + datetime.timedelta(seconds=n, milliseconds=25),
        "direction": ("OUTBOUND", "INBOUND", "INTERNAL")[n % 3],
        "outcome": "APPROVE",
        "amount_centavos": 100 + n,
        "initiation": "DICT",
        "payer_account": token("acct", n),
        "payer_owner": token("ownr", n),
        "payer_ispb": "12345678",
        "payee_account": token("acct", 1000 + n),
        "payee_owner": token("ownr", 1000 + n),
        "payee_ispb": "87654321",
        "facts": json.dumps({"payer": {"age_band": "25-34", "state": "SP"}, "sampling_weight": 0.25 if n % 2 else 1}),
        "contributions": [],
        "reasons": [{"code": "NIGHT", "text_pt": "noite", "text_en": "night"}],
        "rule_hits": [],
        "shadow_scores": [],
        "vector": json.dumps(vector),
        "feature_set": tables.features().feature_set,
        "features_missing": False,
        "model_version": "payer/5 receiver/5",
        "written_at": at + datetime.timedelta(seconds=n + 1),
    }
    return row | changes


def label(n: int, after: datetime.timedelta, at: datetime.datetime = NOON, **changes) -> dict:
    """Return a row of `labels` that says fraud and arrived so long after the payment."""
    event_time = at + datetime.timedelta(seconds=n)
    row = {
        "end_to_end_id": payment_id(n, at),
        "event_time": event_time,
        "arrived_at": event_time + after,
        "fraud": True,
        "typology": "mule_receipt",
        "source": "MED",
        "amount_centavos": 100 + n,
        "payer_account": token("acct", n),
        "payee_account": token("acct", 1000 + n),
        "written_at": event_time + after + datetime.timedelta(seconds=1),
    }
    return row | changes


def export(root: pathlib.Path, name: str, rows: list[dict], without: str = "", **more: pa.Array) -> None:
    """Append one commit to an export."""
    schema = to_arrow_schema(tables.exported(name), timestamp_utc=True)
    table = pa.Table.from_pylist([{f: r.get(f) for f in schema.names} for r in rows], schema=schema)
    for column, values in more.items():
        table = table.append_column(column, values)
    if without:
        table = table.drop_columns([without])
    write_deltalake(str(root / name), table, mode="append", schema_mode="merge")


@dataclasses.dataclass
class Bench:
    """A lake beside its exports, and the steps over both."""

    lake: stream.Lake
    exports: pathlib.Path
    root: pathlib.Path

    def export(self, name: str, rows: list[dict], **more) -> None:
        """Append one commit to an export."""
        export(self.exports, name, rows, **more)

    def settle(self) -> None:
        """Run bronze and silver."""
        bronze.exports(self.lake)
        silver.run(self.lake)

    def rows(self, table: str, *columns: str) -> list[tuple]:
        """Return rows of a table in order."""
        return sorted((tuple(r) for r in self.lake.read(table).select(*columns).collect()), key=repr)

    def gold(self, cut: datetime.datetime = CUT, name: str = "gold.parquet") -> pathlib.Path:
        """Build gold and return its Parquet file."""
        gold.build(self.lake, cut)
        out = self.root / name
        gold.write_parquet(self.lake, cut, out)
        return out


@pytest.fixture
def bench(spark, tmp_path) -> Bench:
    return another(spark, tmp_path, "lake", tmp_path / "exports")


def another(spark, tmp_path: pathlib.Path, name: str, exports: pathlib.Path) -> Bench:
    """Return a lake of its own over given exports."""
    root = tmp_path / name
    root.mkdir()
    exports.mkdir(exist_ok=True)
    return Bench(stream.Lake(spark, str(root), str(exports)), exports, root)
