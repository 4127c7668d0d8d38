"""The one module that talks to MLflow: a store, one registered model per role, and what is written on its versions.

Names are those of Unity Catalog, CATALOG.SCHEMA.ROLE; the SQLite store takes them too. Aliases are `champion` (what
serves) and `challenger` (what scores in shadow); tags say what was judged and approved, each bound to the sha256 of the
manifest, and so to one artefact.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np
import pandas as pd

# Before MLflow is loaded: without a terminal nobody reads its bars, and a server that is away is told soon.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
os.environ.setdefault("MLFLOW_DISABLE_AUTO_LOGGING", "true")

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

from sentinela_mlops import artefacts, profile
from sentinela_mlops.evidence import Candidate, Learnt
from sentinela_models.errors import Refused

CHAMPION, CHALLENGER = "champion", "challenger"
SQLITE = "sqlite:///"
NEEDS = ["lightgbm==4.7.0", "numpy", "pandas"]
ABOUT = {
    "payer": "Is this customer being robbed? Scores outgoing and internal payments.",
    "receiver": "Is this account a mule's? Scores incoming and internal payments.",
}
LIFE = (
    "\n\nThe version with the alias `champion` is in force, the one with `challenger` scores in shadow. A version "
    "moves on by its tags: `gate` (passed or refused, by `python -m sentinela_mlops gate`), then `approval` "
    "(Approved, by a person or a policy). Aliases are moved by `promote` and `rollback` alone: they check the tags "
    "and carry the files to where the scorers look. The page's own button *Promote model* does neither."
)

logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)


@dataclasses.dataclass(frozen=True)
class Version:
    """One registered version as it is now."""

    number: str  # MLflow's
    run_id: str
    tags: dict[str, str]
    aliases: list[str]

    @property
    def artefact(self) -> str:
        """Return the version that the scorer knows: the name of the artefact's directory."""
        return self.tags.get("artefact_version", "")


@contextlib.contextmanager
def telling(what: str) -> Iterator[None]:
    """Turn what MLflow throws into one sentence."""
    try:
        yield
    except MlflowException as e:
        said = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise Refused(f"MLflow could not {what}: {said}") from e
    except OSError as e:
        raise Refused(f"MLflow could not {what}: {e.strerror or e}") from e


class Registry:
    """One role's model in one store."""

    def __init__(self, uri: str, name: str, create: bool = False) -> None:
        self.name, self.role = name, name.rsplit(".", 1)[-1]
        if len(name.split(".")) != 3 or self.role not in ABOUT:
            raise Refused(f"{name} is no CATALOG.SCHEMA.payer or CATALOG.SCHEMA.receiver")
        if uri.startswith(SQLITE) and not create and not pathlib.Path(uri.removeprefix(SQLITE)).is_file():
            raise Refused(f"there is no MLflow store at {uri}: make one with `init`, or correct --store")
        with telling(f"open {uri}"):
            mlflow.set_tracking_uri(uri)
            mlflow.set_registry_uri("databricks-uc" if uri.startswith("databricks") else uri)
            self.client = MlflowClient()
            if create:
                self.make(uri)
            self.client.get_registered_model(name)

    @property
    def experiment(self) -> str:
        """Return the name of the experiment, a path as Databricks wants it."""
        return f"/Shared/{self.name}"

    def make(self, uri: str) -> None:
        """Make experiment and registered model, if they are not there."""
        files = None
        if uri.startswith(SQLITE):  # its own default is a directory under whatever the present one is
            files = (pathlib.Path(uri.removeprefix(SQLITE)).resolve().parent / "artifacts" / self.role).as_uri()
        if self.client.get_experiment_by_name(self.experiment) is None:
            experiment = self.client.create_experiment(self.experiment, files)
            self.client.set_experiment_tag(experiment, "mlflow.note.content", ABOUT[self.role])
            self.client.set_experiment_tag(experiment, "mlflow.experimentKind", "custom_model_development")
        if not any(m.name == self.name for m in self.client.search_registered_models(f"name='{self.name}'")):
            self.client.create_registered_model(self.name, {"role": self.role}, ABOUT[self.role] + LIFE)

    def start_on_new_version(self, job: str) -> None:
        """Bind a job of Databricks to the model; a store of another kind has no jobs and keeps no such number."""
        with telling(f"bind job {job} to {self.name}"):
            about = self.client.get_registered_model(self.name).description
            self.client.update_registered_model(self.name, about, deployment_job_id=job)

    @contextlib.contextmanager
    def run(self, name: str, tags: dict[str, str]) -> Iterator[mlflow.ActiveRun]:
        """Open a run; one that fails is marked so."""
        with telling("write the run"):
            mlflow.set_experiment(self.experiment)
            with mlflow.start_run(run_name=name, tags=tags, description=tags.get("what")) as run:
                yield run

    def register(self, directory: pathlib.Path, learnt: Learnt, tags: dict[str, str]) -> Version:
        """Store an artefact with what was learnt from in the active run, and register it as a version."""
        a = artefacts.read(directory)
        with tempfile.TemporaryDirectory() as tmp:
            here = pathlib.Path(tmp)
            (here / "profile.json").write_text(json.dumps(dataclasses.asdict(learnt.profile)), encoding="utf-8")
            np.save(here / "marks.npy", learnt.marks)
            mlflow.log_artifacts(tmp, "learnt")
        info = mlflow.pyfunc.log_model(
            name=f"{self.role}-{a.manifest['version']}",
            python_model=str(pathlib.Path(__file__).with_name("served.py")),
            artifacts={"artefact": str(directory)},
            signature=signature(a.manifest["features"]),
            pip_requirements=NEEDS,
        )
        stated = {"artefact_version": a.manifest["version"], "artefact_sha256": a.sha256, **tags}
        made = mlflow.register_model(info.model_uri, self.name, tags=stated)
        about = f"{a.name}: {a.manifest['trees']} trees, fitted to payments until {a.fitted_until[:10]}"
        self.client.update_model_version(self.name, made.version, about)
        return self.version(made.version)

    def version(self, number: str) -> Version:
        """Return a version by MLflow's number."""
        with telling(f"read version {number} of {self.name}"):
            found = self.client.get_model_version(self.name, str(number))
        return Version(str(found.version), found.run_id, dict(found.tags), list(found.aliases))

    def versions(self) -> list[Version]:
        """Return all versions, the oldest first."""
        with telling(f"list the versions of {self.name}"):
            found = self.client.search_model_versions(f"name='{self.name}'", max_results=1000)
        return [self.version(n) for n in sorted((str(v.version) for v in found), key=int)]

    def at(self, alias: str) -> Version | None:
        """Return the version of an alias, or None."""
        with telling(f"read the aliases of {self.name}"):
            number = self.client.get_registered_model(self.name).aliases.get(alias)
        return self.version(number) if number else None

    def champion(self) -> Version:
        """Return what is in force, or refuse."""
        found = self.at(CHAMPION)
        if found is None:
            raise Refused(f"{self.name} has no champion to be held against: register the first one with `adopt`")
        return found

    def by_artefact(self, artefact: str) -> Version:
        """Return the version of an artefact, or refuse; where it was registered twice, the newer."""
        found = [v for v in self.versions() if v.artefact == artefact]
        if not found:
            raise Refused(f"{self.name} has no version {artefact}: train it, or correct the name")
        return found[-1]

    def next_artefact(self) -> str:
        """Return the next free number among versions."""
        numbers = [int(v.artefact) for v in self.versions() if v.artefact.isdigit()]
        return str(max(numbers, default=0) + 1)

    def tag(self, v: Version, tags: dict[str, str]) -> None:
        """Write tags in their order; None in place of a value removes one."""
        with telling(f"tag version {v.artefact} of {self.name}"):
            for key, value in tags.items():
                if value is not None:
                    self.client.set_model_version_tag(self.name, v.number, key, value)
                elif key in v.tags:
                    self.client.delete_model_version_tag(self.name, v.number, key)

    def describe(self, v: Version, gated: str) -> None:
        """Say beneath what a version is how it was judged: a person reads the description, not two dozen tags."""
        with telling(f"describe version {v.artefact} of {self.name}"):
            about = self.client.get_model_version(self.name, v.number).description or ""
            told = f"{about.split(chr(10))[0]}\n\n{gated}".strip()
            self.client.update_model_version(self.name, v.number, told)

    def move(self, alias: str, v: Version | None) -> None:
        """Point an alias at a version, or at none."""
        with telling(f"move the alias {alias} of {self.name}"):
            if v is not None:
                self.client.set_registered_model_alias(self.name, alias, v.number)
            elif self.at(alias):
                self.client.delete_registered_model_alias(self.name, alias)

    def fetch(self, v: Version, root: pathlib.Path) -> Candidate:
        """Bring a version's artefact to ROOT/ROLE/VERSION."""
        with telling(f"fetch version {v.artefact} of {self.name}"):
            uri = f"models:/{self.name}/{v.number}"
            got = pathlib.Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(root / "download" / v.number)))
        inside = sorted(got.glob("artifacts/*/manifest.json"))
        if not inside:
            raise Refused(
                f"version {v.artefact} of {self.name} holds no artefact: its files were removed from the store"
            )
        return Candidate(artefacts.copy(inside[0].parent, root), v.tags.get("artefact_sha256", ""))

    def learnt(self, v: Version, root: pathlib.Path) -> Learnt:
        """Bring what a version's training kept of its rows."""
        with telling(f"fetch what version {v.artefact} of {self.name} learnt from"):
            got = pathlib.Path(
                mlflow.artifacts.download_artifacts(run_id=v.run_id, artifact_path="learnt", dst_path=str(root))
            )
        try:
            doc = json.loads((got / "profile.json").read_text(encoding="utf-8"))
            return Learnt(profile.load(doc), np.load(got / "marks.npy"))
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise Refused(f"what version {v.artefact} learnt from is not in its run: train it again") from e


def signature(features: list[str]) -> ModelSignature:
    """Return what the model takes and gives; a missing feature is NaN."""
    rows = Schema([ColSpec("double", name) for name in features])
    return ModelSignature(rows, Schema([ColSpec("double", "raw"), ColSpec("double", "probability")]))


def log(params: dict[str, object], metrics: dict[str, float]) -> None:
    """Write parameters and metrics into the active run; what is no number is left out."""
    mlflow.log_params(params)
    mlflow.log_metrics({name: float(v) for name, v in metrics.items() if v is not None and np.isfinite(v)})


def keep(directory: pathlib.Path, under: str = "") -> None:
    """Store files in the active run."""
    mlflow.log_artifacts(str(directory), under or None)


def log_days(frame: pd.DataFrame) -> None:
    """Write a table with one row a day as metrics of the active run, a step a day, and as a table."""
    for step, row in enumerate(frame.drop(columns="day").to_dict("records")):
        mlflow.log_metrics({name: v for name, v in row.items() if v is not None and np.isfinite(v)}, step=step)
    mlflow.log_table(frame.astype({"day": str}), "watch.json")
