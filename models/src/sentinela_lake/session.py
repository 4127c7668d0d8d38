"""The Spark session: the cluster's own on Databricks, a small local one elsewhere.

Jars come from the directory SENTINELA_JARS, which scripts/spark-jars.sh fills and checks, else through Spark's own
resolver: it needs nothing but Maven Central, knows what each jar needs in turn and keeps what it fetched. Both
coordinates are exact versions.
"""

from __future__ import annotations

import os
import pathlib
import sys

from pyspark.sql import SparkSession

PACKAGES = ("io.delta:delta-spark_4.1_2.13:4.4.0", "org.apache.spark:spark-sql-kafka-0-10_2.13:4.1.1")


def start(cores: int = 2, more: dict[str, str] | None = None) -> SparkSession:
    """Return the session of this process; `more` are settings of Spark for a local one."""
    if "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return SparkSession.builder.getOrCreate()
    make_importable()
    builder = SparkSession.builder.master(f"local[{cores}]").appName("sentinela-lake")
    for name, value in (settings(cores) | (more or {})).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel(
        "OFF"
    )  # Spark logs what failed with the rows it failed on; errors come as exceptions
    return spark


def settings(cores: int) -> dict[str, str]:
    """Return what a local session needs: loopback only, UTC, few partitions, 1 GB."""
    chosen = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": os.environ.get("SENTINELA_SPARK_MEMORY", "1g"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": str(cores),
        "spark.databricks.delta.snapshotPartitions": str(cores),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    if jars := os.environ.get("SENTINELA_JARS"):
        return chosen | {"spark.jars": ",".join(str(p) for p in sorted(pathlib.Path(jars).resolve().glob("*.jar")))}
    return chosen | {"spark.jars.packages": ",".join(PACKAGES)}


def make_importable() -> None:
    """Let Spark's Python workers import this package and run under this interpreter."""
    source = str(pathlib.Path(__file__).parents[1])
    rest = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = source if not rest else f"{source}{os.pathsep}{rest}"
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
