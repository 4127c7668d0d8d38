"""Draws what a person looks at first in a run."""

from __future__ import annotations

import pathlib

import matplotlib as mpl

mpl.use("agg")
import numpy as np
from matplotlib import pyplot as plt

from sentinela_mlops.gate import Report
from sentinela_models import metrics
from sentinela_models.scores import Scores


def save(figure: plt.Figure, out: pathlib.Path) -> None:
    """Write a figure and let go of it."""
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    plt.close(figure)


def gate(report: Report) -> plt.Figure:
    """Draw what a judged version finds more or less than the champion, as the lower end of what is left to lose."""
    found = [c for c in report.checks if c.name.startswith("recall at") and c.figure is not None]
    figure, axis = plt.subplots(figsize=(7, 0.6 * len(found) + 1.5))
    axis.barh([c.name for c in found], [c.figure for c in found])
    axis.axvline(0, color="black")
    axis.set(
        xlabel="left of the recall that may be lost, lower end of 95 %; below 0 is refused", title=report.candidate
    )
    figure.tight_layout()
    return figure


def draw(s: Scores, report: dict, out: pathlib.Path) -> None:
    """Write the plots of a measured table of scores."""
    out.mkdir(parents=True, exist_ok=True)
    c = metrics.curve(s.raw, s.fraud.astype(np.int8), s.weight)
    recall, false = c.true / c.true[-1], c.false / c.false[-1]
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.5))
    axes[0].plot(recall, c.true / (c.true + c.false))
    axes[0].set(xlabel="recall", ylabel="precision", ylim=(0, 1), title=f"{s.model}: precision by recall")
    axes[1].semilogx(np.maximum(false, 1e-6), recall)
    axes[1].set(xlabel="false positive rate", ylabel="recall", ylim=(0, 1), title="recall by false positive rate")
    save(figure, out / "precision-recall.png")
    bins = [b for b in report["calibration"]["bins"] if b["payments"] and b["fraud_share"] and b["mean_probability"]]
    figure, axis = plt.subplots(figsize=(5.5, 5))
    axis.loglog([b["mean_probability"] for b in bins], [b["fraud_share"] for b in bins], "o-")
    axis.loglog([1e-6, 1], [1e-6, 1], ":", color="grey")
    axis.set(xlabel="probability", ylabel="share of fraud", title="calibration; on the line is right")
    save(figure, out / "calibration.png")
    rows = report["by_typology"]
    figure, axis = plt.subplots(figsize=(7, 0.4 * len(rows) + 1.5))
    axis.barh([f"{r['name'] or 'unknown'} ({r['frauds']})" for r in rows], [r["recall"] for r in rows])
    axis.set(xlabel="recall at 0.1 % false positive rate", xlim=(0, 1), title="typologies (frauds)")
    save(figure, out / "typologies.png")
