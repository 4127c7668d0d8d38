"""A real Apache Kafka broker for a test, as scripts/conformance/kafka.sh starts it: its jars are in build/kafka."""

from __future__ import annotations

import pathlib
import socket
import subprocess
import time

from pyspark.sql import SparkSession

VERSION = "4.1.2"
JARS = pathlib.Path(__file__).parents[2] / f"build/kafka/lib-{VERSION}"
PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
offsets.topic.replication.factor=1
num.partitions=3
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=true
"""


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def java(*args: str) -> list[str]:
    """Return the command line of one of Kafka's programs."""
    return ["java", "-Xms64m", "-Xmx384m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{JARS}/*", *args]


class Broker:
    """One broker in KRaft mode on loopback."""

    def __init__(self, work: pathlib.Path) -> None:
        self.data = work / "data"
        self.port = free_port()
        config = work / "server.properties"
        config.write_text(PROPERTIES.format(port=self.port, controller=free_port(), data=self.data))
        cluster = "c2VudGluZWxhLXRlc3QtMQ"
        format_log = java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config))
        subprocess.run(format_log, check=True, capture_output=True)
        with (work / "broker.log").open("w") as log:
            self.process = subprocess.Popen(java("kafka.Kafka", str(config)), stdout=log, stderr=log)
        for _ in range(600):
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        raise RuntimeError((work / "broker.log").read_text())

    @property
    def address(self) -> str:
        """Return what a client connects to."""
        return f"127.0.0.1:{self.port}"

    def send(self, spark: SparkSession, topic: str, records: list[tuple[str, bytes | None, dict[str, str]]]) -> None:
        """Produce records of key, value and headers through Spark's own writer."""
        rows = [(k, v, [(n, h.encode()) for n, h in headers.items()]) for k, v, headers in records]
        schema = "key string, value binary, headers array<struct<key: string, value: binary>>"
        frame = spark.createDataFrame(rows, schema)
        frame.write.format("kafka").option("kafka.bootstrap.servers", self.address).option("topic", topic).option(
            "includeHeaders", "true"
        ).save()

    def stop(self) -> None:
        """End it and wait."""
        self.process.terminate()
        self.process.wait(30)
