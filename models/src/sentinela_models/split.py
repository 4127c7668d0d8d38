"""Cuts rows by event time: nothing is fitted to the future of what it is measured on."""

from __future__ import annotations

import dataclasses

import numpy as np

from sentinela_models.errors import Refused
from sentinela_models.vectors import Vectors

TRAINING_SHARE, VALIDATION_SHARE = 0.6, 0.2
MIN_POSITIVES = 20


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
    begin = rows.event_time[0] + int(warmup_days * 86_400e6)
    span = rows.event_time[-1] - begin
    if span <= 0:
        raise Refused("the events span less time than the warm-up")
    first = begin + int(span * TRAINING_SHARE)
    second = begin + int(span * (TRAINING_SHARE + VALIDATION_SHARE))
    at = np.searchsorted(rows.event_time, [begin, first, second])
    numbers = np.arange(len(rows.label))
    training, validation, evaluation = (rows.take(p) for p in np.split(numbers, at)[1:])
    parts = [training.known_at(second), validation.known_at(second), evaluation]
    for name, part in zip(("training", "validation", "evaluation"), parts, strict=True):
        positives = int(part.label.sum())
        if positives < MIN_POSITIVES or positives == len(part.label):
            raise Refused(
                f"the {name} slice has {positives} frauds among {len(part.label)} rows, too few to say anything"
            )
    return Split(*parts)
