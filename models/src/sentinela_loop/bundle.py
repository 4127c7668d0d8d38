"""Reads the bundle: databricks.yml and one resource a file, resolved for a target and checked by Databricks' own types.

The loaders of databricks-bundles refuse a field that Databricks does not know, so a typing error in a file is found
here, without a workspace.
"""

from __future__ import annotations

import dataclasses
import graphlib
import pathlib
import re
import tomllib
from typing import Any

import yaml
from databricks.bundles.experiments import MlflowExperiment
from databricks.bundles.external_locations import ExternalLocation
from databricks.bundles.jobs import Job, Task
from databricks.bundles.registered_models import RegisteredModel
from databricks.bundles.schemas import Schema
from databricks.bundles.volumes import Volume

from sentinela_models.errors import Refused

KINDS: dict[str, Any] = {
    "experiments": MlflowExperiment,
    "external_locations": ExternalLocation,
    "jobs": Job,
    "registered_models": RegisteredModel,
    "schemas": Schema,
    "volumes": Volume,
}
REFERENCE = re.compile(r"\$\{([A-Za-z0-9_.]+)\}")
PARAMETER = re.compile(r"\{\{job\.parameters\.(\w+)\}\}")


@dataclasses.dataclass(frozen=True)
class Bundle:
    """The resources of one target: kind to name to resource."""

    root: pathlib.Path
    target: str
    resources: dict[str, dict[str, Any]]
    files: dict[str, list[str]]  # file to the resources in it, KIND.NAME

    def job(self, name: str) -> Job:
        """Return a job by its name in the files."""
        if name not in self.resources["jobs"]:
            raise Refused(f"the bundle has no job {name}: it has {', '.join(sorted(self.resources['jobs']))}")
        return self.resources["jobs"][name]


def read(root: pathlib.Path, target: str) -> Bundle:
    """Read the bundle of a directory for a target."""
    top = load(root / "databricks.yml")
    targets = top["targets"]
    if target not in targets:
        raise Refused(f"the bundle has no target {target}: it has {', '.join(targets)}")
    known = {f"var.{k}": v.get("default") for k, v in top["variables"].items()}
    known |= {f"var.{k}": v for k, v in targets[target].get("variables", {}).items()}
    known |= {"bundle.target": target, "bundle.name": top["bundle"]["name"], "workspace.file_path": str(root)}
    found, files = gather(root, top["include"])
    known |= {f"resources.jobs.{name}.id": name for name in found.get("jobs", {})}
    known |= {f"resources.schemas.{n}.name": s["name"] for n, s in found.get("schemas", {}).items()}
    resources = {kind: {n: typed(kind, n, r, known) for n, r in found.get(kind, {}).items()} for kind in KINDS}
    return Bundle(root, target, resources, files)


def load(path: pathlib.Path) -> dict:
    """Read one file."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as e:
        raise Refused(f"{path} cannot be read: {e}") from e


def gather(root: pathlib.Path, patterns: list[str]) -> tuple[dict[str, dict[str, dict]], dict[str, list[str]]]:
    """Read the included files; a kind that is not checked here is refused."""
    found: dict[str, dict[str, dict]] = {}
    files: dict[str, list[str]] = {}
    for path in sorted(p for pattern in patterns for p in root.glob(pattern)):
        for kind, named in load(path)["resources"].items():
            if kind not in KINDS:
                raise Refused(f"{path}: {kind} is no kind of resource that is known here")
            found.setdefault(kind, {}).update(named)
            files.setdefault(path.name, []).extend(f"{kind}.{name}" for name in named)
    return found, files


def typed(kind: str, name: str, doc: dict, known: dict[str, Any]) -> Any:
    """Resolve the references of a resource and let Databricks' type read it."""
    try:
        return KINDS[kind].from_dict(resolved(doc, known))
    except (TypeError, ValueError) as e:
        raise Refused(f"{kind}.{name}: {e}") from e


def resolved(value: Any, known: dict[str, Any]) -> Any:
    """Replace ${...} by what it refers to, also where one variable names another."""
    if isinstance(value, dict):
        return {k: resolved(v, known) for k, v in value.items()}
    if isinstance(value, list):
        return [resolved(v, known) for v in value]
    while isinstance(value, str) and (found := REFERENCE.search(value)):
        name = found[1]
        if known.get(name) is None:
            raise ValueError(f"{found[0]} is not known, or has no value in this target")
        value = value.replace(found[0], str(known[name]))
    return value


def ordered(job: Job) -> list[Task]:
    """Return the tasks of a job, each after those that it depends on; among equals as they are written."""
    tasks = {t.task_key: t for t in job.tasks}
    graph = {key: [d.task_key for d in t.depends_on] for key, t in tasks.items()}
    if strange := {d for before in graph.values() for d in before} - set(tasks):
        raise Refused(f"{job.name}: a task depends on {', '.join(sorted(strange))}, which is none of this job's")
    try:
        return [tasks[key] for key in graphlib.TopologicalSorter(graph).static_order()]
    except graphlib.CycleError as e:
        raise Refused(f"{job.name}: tasks wait for each other: {' -> '.join(e.args[1])}") from e


def arguments(task: Task, given: dict[str, str]) -> list[str]:
    """Return a task's command line with the job's parameters in it."""
    return [PARAMETER.sub(lambda m: given[m[1]], p) for p in task.python_wheel_task.parameters]


def defaults(job: Job) -> dict[str, str]:
    """Return what the job's parameters are when nobody says otherwise."""
    return {p.name: p.default for p in job.parameters}


def entry_points(root: pathlib.Path) -> dict[str, str]:
    """Return the entry points of the wheel, name to module:function."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
