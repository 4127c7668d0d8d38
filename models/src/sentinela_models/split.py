"""Cuts rows by event time: nothing is fitted to the future of what it is measured on."""

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


def by_time(rows: Vectors, warmup_days: float) -> Split:
    """Cut the span of time, not the number of rows, at 60 % and 80 %.

    The first days are left out: the windows of their payments look back on nothing, which never happens in service.
    What is fitted sees only the labels that had arrived when the evaluation slice begins, as on the day of a
    deployment; what is measured sees all.
    """
    begin = rows.event_time[0] + int(warmup_days * DAY)
    span = rows.event_time[-1] - begin
    if span <= 0:
        raise Refused("the events span less time than the warm-up")
    first = begin + int(span * TRAINING_SHARE)
    second = begin + int(span * (TRAINING_SHARE + VALIDATION_SHARE))
    at = np.searchsorted(rows.event_time, [begin, first, second])
    numbers = np.arange(len(rows.label))
    training, validation, evaluation = (rows.take(p) for p in np.split(numbers, at)[1:])
    return checked(training.known_at(second).levelled(), validation.known_at(second).levelled(), evaluation)


def with_evaluation(rows: Vectors, later: Vectors, warmup_days: float) -> Split:
    """Cut one table into training and validation; the other, later one is only measured, without its warm-up."""
    cut = int(later.event_time[0])
    warm = np.flatnonzero(later.event_time >= cut + int(warmup_days * DAY))
    return checked(*fitted(rows, cut, warmup_days), later.take(warm))


def fitted(rows: Vectors, cut: int, warmup_days: float) -> tuple[Vectors, Vectors]:
    """Cut a table at 75 % of its span, after the warm-up, into training and validation.

    What is fitted sees the labels that had arrived at the cut, when the later table begins: as on the day of a
    deployment.
    """
    begin = rows.event_time[0] + int(warmup_days * DAY)
    span = rows.event_time[-1] - begin
    if span <= 0 or cut <= rows.event_time[-1]:
        raise Refused("the table to measure on must begin after the end of the other, which must outlast the warm-up")
    first = begin + int(span * TRAINING_SHARE / (TRAINING_SHARE + VALIDATION_SHARE))
    at = np.searchsorted(rows.event_time, [begin, first])
    _, training, validation = (rows.take(p) for p in np.split(np.arange(len(rows.label)), at))
    return training.known_at(cut).levelled(), validation.known_at(cut).levelled()


def checked(*parts: Vectors) -> Split:
    """Refuse slices with too few frauds to say anything."""
    for name, part in zip(("training", "validation", "evaluation"), parts, strict=True):
        positives = int(part.label.sum())
        if positives < MIN_POSITIVES or positives == len(part.label):
            raise Refused(
                f"the {name} slice has {positives} frauds among {len(part.label)} rows, too few to say anything"
            )
    return Split(*parts)
