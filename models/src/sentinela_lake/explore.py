"""What a data scientist asks of the lake first, as tables and pictures. The notebooks call this and hold no logic."""

from __future__ import annotations

import pathlib

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from pyspark.sql import functions as F

from sentinela_lake import tables
from sentinela_lake.stream import Lake
from sentinela_mlops import gate, profile
from sentinela_models import reference, vectors

BRASILIA = "America/Sao_Paulo"


def decided(lake: Lake) -> pd.DataFrame:
    """Return payments per local day (rows) and outcome (columns)."""
    day = F.to_date(F.from_utc_timestamp("event_time", BRASILIA)).alias("day")
    rows = lake.read("silver/decisions").groupBy(day, "outcome").count().toPandas()
    return rows.pivot_table(index="day", columns="outcome", values="count", fill_value=0).sort_index().astype(int)


def delays(lake: Lake) -> pd.DataFrame:
    """Return the labels that say fraud: typology, source, and hours from the payment until it was known."""
    hours = ((F.unix_micros("arrived_at") - F.unix_micros("event_time")) / 3_600_000_000).alias("hours")
    rows = lake.read("silver/labels").where("fraud").select("typology", "source", hours)
    return rows.orderBy("hours", "source").toPandas()


def left_out(lake: Lake) -> pd.DataFrame:
    """Return what the quarantine holds, by source and reason."""
    lake.ensure("quarantine/records")
    return lake.read("quarantine/records").groupBy("source", "reason").count().orderBy("source", "reason").toPandas()


def drift(gold: pathlib.Path, role: str) -> pd.Series:
    """Return the PSI of each feature between the earlier and the later half of a gold snapshot, the largest first."""
    rows = vectors.read_vectors(gold, role, tables.features())
    half = len(rows.label) // 2
    then, now = rows.take(slice(0, half)), rows.take(slice(half, len(rows.label)))
    found = {}
    for i, name in enumerate(rows.features):
        edges = reference.cuts(then.x[:, i], then.weight)
        seen = profile.Feature(edges.tolist(), reference.shares(then.x[:, i], then.weight, edges).tolist(), 0.5)
        found[name] = profile.psi(seen, now.x[:, i], now.weight)
    return pd.Series(found, name="psi").sort_values(ascending=False)


def plot_decided(table: pd.DataFrame) -> plt.Figure:
    """Draw outcomes per day; approvals would hide the rest and are left out."""
    figure, axis = plt.subplots(figsize=(9, 3.5))
    table.drop(columns="APPROVE", errors="ignore").plot.bar(stacked=True, ax=axis)
    axis.set(xlabel="day, Brasília", ylabel="payments", title="held, blocked, rejected")
    figure.tight_layout()
    return figure


def plot_delays(table: pd.DataFrame) -> plt.Figure:
    """Draw which share of the reported frauds was known after how long, by typology."""
    figure, axis = plt.subplots(figsize=(9, 3.5))
    for name, rows in table.groupby(table["typology"].fillna("unknown")):
        hours = np.sort(rows["hours"].to_numpy())
        axis.step(hours, np.arange(1, len(hours) + 1) / len(hours), where="post", label=f"{name} ({len(hours)})")
    axis.set(xlabel="hours after the payment", ylabel="share known", title="how late labels come", ylim=(0, 1.02))
    if len(table):
        axis.set_xscale("log")
        axis.legend(fontsize=7)
    figure.tight_layout()
    return figure


def plot_drift(psi: pd.Series, shown: int = 15) -> plt.Figure:
    """Draw the features that moved most, with the gate's bound."""
    figure, axis = plt.subplots(figsize=(9, 4.5))
    psi.head(shown).iloc[::-1].plot.barh(ax=axis)
    axis.axvline(gate.Bounds().psi, color="grey", linestyle=":")
    axis.set(xlabel="PSI, later half against earlier half", title="features that moved most, and the gate's bound")
    figure.tight_layout()
    return figure
