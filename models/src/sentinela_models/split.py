"""Cuts rows by event time: nothing is fitted to the future of what it is measured on.

The one exception is calibration where fraud is boosted (`train.unseen`), which is not measured.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from sentinela_models.errors import Refused
from sentinela_models.vectors import Vectors

TRAINING_SHARE, VALIDATION_SHARE = 0.6, 0.2
MIN_POSITIVES = 20
DAY = 86_400_000_000  # microseconds


@dataclasses.dataclass(frozen=True)
class Split:
    """Training, then validation (early stopping and calibration), then evaluation (only measured)."""

    training: Vectors
    validation: Vectors
    evaluation: Vectors


def by_time(rows: Vectors) -> Split:
    """Cut the span of time, not the number of rows, at 60 % and 80 %.

    What is fitted sees only the labels that had arrived when the evaluation slice begins, as on the day of a
    deployment; what is measured sees all. What calibrates sees those that had arrived when the rows end: a short slice
    whose labels are cut at its own end lacks many, and its model would promise too few frauds.
    """
    begin = rows.event_time[0]
    span = rows.event_time[-1] - begin
    first = begin + int(span * TRAINING_SHARE)
    second = begin + int(span * (TRAINING_SHARE + VALIDATION_SHARE))
    training, validation, evaluation = cut_at(rows, [first, second])
    end = int(rows.event_time[-1])
    return checked(training.known_at(second).levelled(), validation.known_at(end).levelled(), evaluation)


def with_evaluation(rows: Vectors, later: Vectors, warmup_days: float) -> Split:
    """Cut one table into training and validation; the other, later one is only measured, without its warm-up.

    In the first days windows look back on nothing. That is left out of the measure, which is of a system that has been
    running, but not of the training: a new installation begins like that, and must not take it for a sign of fraud.
    """
    begin = int(later.event_time[0])
    warm = np.flatnonzero(later.event_time >= begin + int(warmup_days * DAY))
    return checked(*fitted(rows, begin), later.take(warm))


def fitted(rows: Vectors, cut: int) -> tuple[Vectors, Vectors]:
    """Cut a table at 75 % of its span into training and validation.

    What is fitted sees the labels that had arrived at the cut, when the later table begins: as on the day of a
    deployment.
    """
    if cut <= rows.event_time[-1]:
        raise Refused("the table to measure on must begin after the end of the other")
    span = rows.event_time[-1] - rows.event_time[0]
    first = rows.event_time[0] + int(span * TRAINING_SHARE / (TRAINING_SHARE + VALIDATION_SHARE))
    training, validation = cut_at(rows, [first])
    return training.known_at(cut).levelled(), validation.known_at(cut).levelled()


def cut_at(rows: Vectors, times: list[int]) -> list[Vectors]:
    """Cut rows, which are in order of time, before each of the times."""
    places = np.split(np.arange(len(rows.label)), np.searchsorted(rows.event_time, times))
    return [rows.take(p) for p in places]


def checked(*parts: Vectors) -> Split:
    """Refuse slices with too few frauds to say anything."""
    for name, part in zip(("training", "validation", "evaluation"), parts, strict=True):
        positives = int(part.label.sum())
        if positives < MIN_POSITIVES or positives == len(part.label):
            raise Refused(
                f"the {name} slice has {positives} frauds among {len(part.label)} rows, too few to say anything"
            )
    return Split(*parts)
