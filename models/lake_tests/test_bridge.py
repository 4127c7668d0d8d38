"""From raw events to silver: the bridge's own binary between two topics of a real broker, killed and started again."""

import base64
import contextlib
import json
import os
import pathlib
import re
import secrets
import subprocess
import time
import urllib.request

import pyarrow.parquet as pq
import pytest
from broker import free_port
from test_topic import kill_between

from sentinela_lake import bronze, silver
from sentinela_models.errors import Refused

BUILD = pathlib.Path(__file__).parents[2] / "build"
RAW, TOKENISED = "pix.raw", "pix.raw.tokenised"
IDENTIFIERS = {"document", "account", "key", "name", "id", "txid"}
ROUND = 50
DEADLINE = 180  # seconds, for what takes some


@pytest.fixture(scope="module")
def events(tmp_path_factory) -> list[dict]:
    """Simulate payments with raw identifiers."""
    out = tmp_path_factory.mktemp("world")
    binary = os.environ.get("PIXCTL", str(BUILD / "pixctl"))
    world = ["-seed", "7", "-accounts", "200", "-days", "2"]
    subprocess.run([binary, "simulate", "-out", str(out), *world], check=True, capture_output=True)
    return [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]


def raw_values(event: dict) -> set[str]:
    """Return every identifier of a payment that is long enough to be nobody else's."""
    parts = [event, event["payer"], event["payee"], event.get("device", {})]
    found = {str(v) for part in parts for name, v in part.items() if name in IDENTIFIERS}
    return {v for v in found if len(v) >= 8}


class Bridge:
    """The bridge as a process, with a Pub/Sub of its own and a random token key."""

    def __init__(self, brokers: str, work: pathlib.Path) -> None:
        self.brokers, self.log = brokers, work / "bridge.log"
        self.key = secrets.token_bytes(32)
        self.pubsub = subprocess.Popen([BUILD / "pubsub"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.emulator = self.pubsub.stdout.readline().strip()
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it; it commits only when it is told to stop, so that a kill repeats all it did."""
        self.port = free_port()
        env = os.environ | {
            "KAFKA_BROKERS": self.brokers,
            "KAFKA_TOPIC": RAW,
            "TOKENISED_TOPIC": TOKENISED,
            "PROJECT_ID": "test",
            "PUBSUB_EMULATOR_HOST": self.emulator,
            "TOKEN_KEY": base64.b64encode(self.key).decode(),
            "LISTEN_ADDR": f"127.0.0.1:{self.port}",
            "SESSION_TIMEOUT": "6s",
            "COMMIT_INTERVAL": "1h",
        }
        with self.log.open("a") as log:
            self.process = subprocess.Popen([BUILD / "kafka-bridge"], env=env, stderr=log)

    def wait(self, records: int) -> None:
        """Wait until the tokenised topic took so many records from this process."""
        for _ in range(DEADLINE * 5):
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                metrics = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics").read().decode()
                found = re.search(r"^pix_bridge_tokenised_records_total (\S+)$", metrics, re.M)
                if found and float(found[1]) >= records:
                    return
            time.sleep(0.2)
        raise AssertionError(f"the bridge did not write {records} records; its log:\n{self.log.read_text()[-3000:]}")

    def end(self) -> None:
        """End both processes."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)
        self.pubsub.stdin.close()
        self.pubsub.wait(30)


@pytest.fixture
def bridge(broker, tmp_path):
    for name in ("kafka-bridge", "pubsub"):
        assert (BUILD / name).is_file(), f"{BUILD / name} is not there: make test-lake builds it"
    made = Bridge(broker.address, tmp_path)
    yield made
    made.end()


def contents(root: pathlib.Path) -> list[tuple[pathlib.Path, bytes]]:
    """Return every file below a directory, a Parquet file also unpacked: compression would hide what it holds."""
    found = [(f, f.read_bytes()) for f in root.rglob("*") if f.is_file()]
    tables = [f for f, _ in found if f.suffix == ".parquet" and "_delta_log" not in f.parts]
    return found + [(f, str(pq.read_table(f, partitioning=None).to_pylist()).encode()) for f in tables]


def holding(files: list[tuple[pathlib.Path, bytes]], values: list[bytes]) -> list[str]:
    """Return the files that hold one of the values."""
    form = re.compile(b"|".join(re.escape(v) for v in values))
    return sorted({str(f) for f, data in files if form.search(data)})


def test_silver_is_what_was_sent_through_kills_of_both_and_nothing_raw_is_in_the_lake(
    bench, broker, bridge, events, monkeypatch
):
    spark, sent = bench.lake.spark, []
    broker.send(spark, TOKENISED, [("somebody", b"{", {})])  # makes the topic, and is none of the bridge's
    for round_, at in enumerate(("first", "second", "after")):
        news = events[round_ * ROUND : (round_ + 1) * ROUND]
        broker.send(spark, RAW, [("k", json.dumps(e).encode(), {}) for e in news])
        sent += news
        if round_ < 2:
            bridge.start()
        bridge.wait(len(sent))
        if round_ == 0:
            bridge.process.kill()
            bridge.process.wait()
        with monkeypatch.context() as m:
            kill_between(m, at, batch=2 * round_)
            with pytest.raises(Refused):
                bronze.topic(bench.lake, broker.address, TOKENISED, max_records=40)
    bronze.topic(bench.lake, broker.address, TOKENISED, max_records=1000)
    silver.run(bench.lake)

    topic = spark.read.format("kafka").option("kafka.bootstrap.servers", broker.address).option("subscribe", TOKENISED)
    places = {(r["partition"], r["offset"]) for r in topic.load().select("partition", "offset").collect()}
    rows = bench.rows("bronze/transactions", "partition", "offset")
    bad = bench.rows("quarantine/records", "partition", "offset")
    assert len(rows) + len(bad) == len(places) == 4 * ROUND + 1  # the kill made the bridge write the first round again
    assert {*rows, *bad} == places and len(bad) == 1
    assert [i for (i,) in bench.rows("silver/transactions", "end_to_end_id")] == sorted(e["endToEndId"] for e in sent)

    raw = [v.encode() for v in set().union(*map(raw_values, sent))]
    keys = [bridge.key, base64.b64encode(bridge.key), bridge.key.hex().encode()]
    assert holding(contents(broker.data), raw), "the raw topic must hold what is looked for"
    lake = contents(bench.root)
    assert len(lake) > 30 and len(raw) > 4 * ROUND
    assert holding(lake, [e["endToEndId"].encode() for e in sent]), "what is looked for would not be found"
    assert holding([*lake, (bridge.log, bridge.log.read_bytes())], [*raw, *keys]) == []
