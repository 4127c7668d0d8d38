"""Runs a job of the bundle here: its tasks in their order, each by its entry point, until one fails."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable

from sentinela_loop import bundle
from sentinela_loop.bundle import Bundle
from sentinela_models.errors import Refused


class Runner:
    """Runs jobs in this process: Spark and MLflow start once. Tells what it does, and its time."""

    def __init__(self, b: Bundle, tell: Callable[[str], None]) -> None:
        self.bundle, self.tell = b, tell
        self.points = bundle.entry_points(b.root)
        self.seconds: dict[str, float] = {}

    def run(
        self,
        name: str,
        given: dict[str, str],
        only: tuple[str, ...] = (),
        after: dict[str, Callable[[], None]] | None = None,
    ) -> str:
        """Run a job with parameters; return the key of the task that failed, or an empty text.

        `only` leaves out the other tasks; `after` is called when the task of that key has succeeded.
        """
        job = self.bundle.job(name)
        known = bundle.defaults(job)
        if strange := set(given) - set(known):
            raise Refused(f"job {name} has no parameter {', '.join(sorted(strange))}")
        for task in bundle.ordered(job):
            if only and task.task_key not in only:
                continue
            line = bundle.arguments(task, known | given)
            if not self.task(f"{name}/{task.task_key}", task.python_wheel_task.entry_point, line):
                return task.task_key
            if after and task.task_key in after:
                after[task.task_key]()
        return ""

    def task(self, what: str, point: str, line: list[str]) -> bool:
        """Run one entry point as Databricks does: arguments in sys.argv, failed where it exits with another code."""
        self.tell(f"{what}: {point} {line[0]}")
        began = time.monotonic()
        module, function = self.points[point].split(":")
        before, sys.argv = sys.argv, [point, *line]
        try:
            getattr(importlib.import_module(module), function)()
            code = 0
        except SystemExit as e:
            code = e.code if isinstance(e.code, int) else int(e.code is not None)
        finally:
            sys.argv = before
        took = time.monotonic() - began
        self.seconds[what] = round(self.seconds.get(what, 0.0) + took, 1)
        sys.stdout.flush()
        self.tell(f"{what}: {'done' if code == 0 else f'failed with exit code {code}'} in {took:.1f} s")
        return code == 0
