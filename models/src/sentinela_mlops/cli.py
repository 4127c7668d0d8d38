"""The command line: what is done to models, from init to watch; --help lists it.

Exit code 0 is done, 1 is refused with one sentence, 2 is a wrong command line. --json prints one JSON object.
"""

from __future__ import annotations

import argparse
import dataclasses
import getpass
import json
import os
import pathlib
import sys
from collections.abc import Callable

from sentinela_mlops import gate, gold, release, training, watch
from sentinela_mlops.pixctl import Pixctl
from sentinela_mlops.registry import Registry, Version
from sentinela_models.errors import Refused

ROOT = pathlib.Path(__file__).resolve().parents[3]
CONTRACT = ROOT / "models" / "contract" / "features.json"
Done = tuple[dict | list, str, int]  # for programs, for a person, exit code


def registry(a: argparse.Namespace, create: bool = False) -> Registry:
    """Open what --store and --model name."""
    return Registry(a.store, a.model, create)


def version(a: argparse.Namespace, reg: Registry) -> Version:
    """Return the version that --version or --number names."""
    return reg.version(a.number) if getattr(a, "number", None) else reg.by_artefact(a.version)


def pixctl(a: argparse.Namespace) -> Pixctl:
    """Return the pixctl that --pixctl names."""
    return Pixctl(a.pixctl, a.keys)


def tables(path: pathlib.Path | None) -> dict[str, int]:
    """Read the Delta versions of the tables that the gold table was made from: {"decisions": 12, ...}."""
    if path is None:
        return {}
    try:
        return {str(name): int(v) for name, v in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError, TypeError) as e:
        raise Refused(f"{path} does not hold Delta versions: a JSON object of table names and numbers is wanted") from e


def init(a: argparse.Namespace) -> Done:
    """Make store, experiment and registered model."""
    reg = registry(a, create=True)
    if a.deployment_job:
        reg.start_on_new_version(a.deployment_job)
    return {"model": reg.name, "experiment": reg.experiment}, f"{reg.name} is there; open it with: mlflow ui", 0


def request(a: argparse.Namespace) -> training.Request:
    """Return what is to be trained on."""
    a.until = gold.moment(a.gold, a.until)
    a.whole_frauds = a.frauds == "whole"
    taken = {f.name: getattr(a, f.name) for f in dataclasses.fields(training.Request) if hasattr(a, f.name)}
    return training.Request(**{**taken, "tables": tables(a.tables), "release": CONTRACT})


def train(a: argparse.Namespace) -> Done:
    """Train, measure, track and register."""
    reg = registry(a)
    v = training.run(request(a), reg, pixctl(a))
    return told(reg, v), f"{reg.name}: version {v.artefact} is registered as number {v.number}", 0


def adopt(a: argparse.Namespace) -> Done:
    """Register what was made elsewhere, or take what is registered, as the first champion."""
    reg = registry(a)
    given = training.Request(a.artefact or pathlib.Path(), CONTRACT, by=a.by)
    v = training.adopt(a.artefact, given, reg, pixctl(a)) if a.artefact else version(a, reg)
    training.first(v, reg)
    return told(reg, reg.version(v.number)), f"{reg.name}: {v.artefact} is the first champion", 0


def bounds(leave_out: str) -> gate.Bounds:
    """Return the bounds, without the false positive rates that a target's windows are too small for."""
    known = [f"{m.level:g}" for m in gate.Bounds().margins]
    named = [text for text in leave_out.split(",") if text]
    if strange := [text for text in named if text not in known[1:]]:
        raise Refused(f"--leave-out takes {' or '.join(known[1:])}, not {strange[0]}: {known[0]} is always judged")
    return gate.Bounds(left_out=tuple(float(text) for text in named))


def judge(a: argparse.Namespace) -> Done:
    """Judge."""
    reg = registry(a)
    case = release.Case(
        a.gold,
        a.contract,
        *(gold.moment(a.gold, t) for t in (a.since, a.until)),
        a.expectations,
        a.out,
        bounds(a.leave_out),
    )
    report = release.judge(reg, version(a, reg), case, pixctl(a))
    return json.loads(report.json()), report.table(), 0 if report.verdict == gate.PASSED else 1


def approve(a: argparse.Namespace) -> Done:
    """Approve."""
    reg = registry(a)
    v = version(a, reg)
    release.approve(reg, v, a.by, a.policy)
    return told(reg, reg.version(v.number)), f"{reg.name}: {v.artefact} is approved", 0


def approval(a: argparse.Namespace) -> Done:
    """Go on only where somebody has approved; a policy approves first where the target has one."""
    reg = registry(a)
    v = version(a, reg)
    if a.policy:
        release.approve(reg, v, a.policy, policy=True)
        v = reg.version(v.number)
    release.require_approval(reg, v)
    return told(reg, v), f"{reg.name}: {v.artefact} is approved by {v.tags['approved_by']}", 0


def reject(a: argparse.Namespace) -> Done:
    """Reject."""
    reg = registry(a)
    v = version(a, reg)
    release.reject(reg, v, a.by)
    return told(reg, reg.version(v.number)), f"{reg.name}: {v.artefact} is rejected", 0


def told(reg: Registry, v: Version) -> dict:
    """Describe a version for programs."""
    return {"model": reg.name, "version": v.artefact, "number": v.number, "aliases": v.aliases, "tags": v.tags}


def put(step: Callable[[Registry, Version, str, Pixctl], dict]) -> Callable[[argparse.Namespace], Done]:
    """Return a command that changes what is in the model store."""

    def run(a: argparse.Namespace) -> Done:
        reg = registry(a)
        return stored(step(reg, version(a, reg), a.models, pixctl(a)))

    return run


def stored(now: dict) -> Done:
    """Say what is in force."""
    shadow = ", ".join(now.get("challengers", [])) or "none"
    return now, f"{now['role']}/{now['version']} is in force; in shadow: {shadow}", 0


def rollback(a: argparse.Namespace) -> Done:
    """Go back."""
    return stored(release.rollback(registry(a), a.models, pixctl(a), a.version))


def reconcile(a: argparse.Namespace) -> Done:
    """Make the store follow the aliases."""
    return stored(release.reconcile(registry(a), a.models, pixctl(a)))


def status(a: argparse.Namespace) -> Done:
    """List versions."""
    rows = release.status(registry(a))
    return rows, release.summary(rows), 0


def watching(a: argparse.Namespace) -> Done:
    """Hold served scores against the labels that have arrived."""
    reg = registry(a)
    frame = watch.run(reg, version(a, reg) if a.version else reg.champion(), watch.Case(a.served, a.contract, a.out))
    return frame.to_dict("records"), frame.to_string(index=False), 0


COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], Done], str]] = {
    "init": (init, "make the MLflow store, the experiment and the registered model; harmless where they are there"),
    "train": (train, "train a version through sentinela_models, track it and register it"),
    "adopt": (adopt, "make a version, or an artefact made elsewhere, the first champion; refused where there is one"),
    "gate": (judge, "judge a version against the champion on the latest window; exit code 1 is a refusal"),
    "approve": (approve, "approve what the gate passed; not by who trained it, unless a policy does"),
    "approval": (approval, "exit code 1 unless the gate passed the version and somebody approved it"),
    "reject": (reject, "reject a version whatever the gate said"),
    "release": (put(release.release), "put a version that the gate passed into the model store, in shadow"),
    "promote": (put(release.promote), "make an approved challenger the champion, and the model store follow"),
    "rollback": (rollback, "leave the champion --version for the one before"),
    "reconcile": (reconcile, "finish what was cut off: make the model store follow the aliases"),
    "status": (status, "list the versions and how far each has come"),
    "watch": (watching, "hold served scores against the labels that have arrived: a table, and metrics in MLflow"),
}
NEEDS_VERSION = ("gate", "approve", "approval", "reject", "release", "promote", "rollback")
WHEN = "an RFC 3339 time, or so many days before the newest row, such as 10d"
NEEDS_MODELS = ("release", "promote", "rollback", "reconcile")


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    top = argparse.ArgumentParser(
        prog="sentinela_mlops", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, about) in COMMANDS.items():
        p = commands.add_parser(name, help=about, description=about[0].upper() + about[1:] + ".")
        p.add_argument("--store", default=os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///build/mlflow/mlflow.db"),
                       help="sqlite:///FILE, a server, or databricks; MLFLOW_TRACKING_URI by default")  # fmt: skip
        p.add_argument("--model", required=True, help="registered model: CATALOG.SCHEMA.payer or .receiver")
        p.add_argument("--pixctl", type=pathlib.Path, default=ROOT / "build" / "pixctl", help="the pixctl to ask")
        p.add_argument("--keys", type=pathlib.Path, help="PEM file of the keys of which one must have signed a model")
        p.add_argument("--json", action="store_true", help="print the result as one JSON object")
        if name in NEEDS_VERSION:
            which = p.add_mutually_exclusive_group(required=True)
            which.add_argument("--version", help="version of the artefact, as `status` lists it")
            if name != "rollback":
                which.add_argument("--number", help="MLflow's own number of it, which starts a deployment job")
        if name in NEEDS_MODELS:
            p.add_argument(
                "--models", required=True, help="model store of the scorers: a directory or gs://BUCKET/PREFIX"
            )
        if name in ("approve", "reject", "train", "adopt"):
            p.add_argument("--by", default=getpass.getuser(), help="who does it; the user by default")
        more(name, p)
    return top


def more(name: str, p: argparse.ArgumentParser) -> None:
    """Add what only one command takes."""
    if name in ("train", "gate", "watch"):
        p.add_argument("--contract", type=pathlib.Path, default=CONTRACT, help="features.json")
    if name in ("train", "gate"):
        p.add_argument(
            "--gold", type=pathlib.Path, required=True, help="gold table: a Parquet file or a directory of them"
        )
        p.add_argument("--until", default="", help=f"leave out payments from here on: {WHEN}")
    if name == "train":
        p.add_argument("--version", default="", help="name of the new version; the next number by default")
        p.add_argument(
            "--tables", type=pathlib.Path, help="JSON file with the Delta version of each table that was read"
        )
        for flag, default, about in (
            ("--trees", 450, "at most"), ("--leaves", 31, "of a tree, at most"), ("--seed", 7, "of every draw"),
            ("--negatives", 600_000, "legitimate payments of a slice to keep at most"),
        ):  # fmt: skip
            p.add_argument(flag, type=int, default=default, help=about)
        key = os.environ.get("MODEL_SIGNING_KEY")
        p.add_argument("--signing-key", type=pathlib.Path, default=pathlib.Path(key) if key else None,
                       help="PEM file of the private key to sign with; MODEL_SIGNING_KEY by default")  # fmt: skip
        p.add_argument("--frauds", choices=("weighted", "whole"), default="weighted",
                       help="whole is for boosted ones: each is one in the fit, all rows calibrate")  # fmt: skip
        p.add_argument("--base-rate", type=float, help="share of fraud to calibrate to; that of the rows by default")
    if name == "init":
        p.add_argument("--deployment-job", help="id of the Databricks job that a new version starts")
    if name == "adopt":
        which = p.add_mutually_exclusive_group(required=True)
        which.add_argument("--artefact", type=pathlib.Path, help="directory of an artefact that was made elsewhere")
        which.add_argument("--version", help="a version that is registered")
    if name == "gate":
        p.add_argument("--from", dest="since", default="", help=f"where the window begins: {WHEN}")
        p.add_argument("--expectations", type=pathlib.Path, required=True,
                       help="report of the data expectations that `sentinela-lake gold` wrote")  # fmt: skip
        p.add_argument("--out", type=pathlib.Path, help="directory for gate.json and gate.txt")
        p.add_argument("--leave-out", default="", help="false positive rates not to judge recall at, such as 0.0001")
    if name == "approve":
        p.add_argument(
            "--policy", action="store_true", help="--by is the name of a policy that approves what the gate passed"
        )
    judged(name, p)


def judged(name: str, p: argparse.ArgumentParser) -> None:
    """Add what only commands after the training take."""
    if name == "approval":
        p.add_argument(
            "--policy", default="", help="policy that approves what the gate passed; none: somebody must have"
        )
    if name == "watch":
        p.add_argument(
            "--served", type=pathlib.Path, required=True, help="gold table with the scores raw and probability"
        )
        p.add_argument("--version", default="", help="version that served; the champion by default")
        p.add_argument("--out", type=pathlib.Path, help="Parquet file for the table")


def entry() -> None:
    """Run as a job of the bundle calls it: a refusal must fail the task."""
    if code := main():
        sys.exit(code)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    a = parser().parse_args(sys.argv[1:] if argv is None else argv)
    try:
        doc, text, code = COMMANDS[a.command][0](a)
    except Refused as e:
        print(f"refused: {e}", file=sys.stderr)
        return 1
    print(json.dumps(doc, allow_nan=False, default=str) if a.json else text)
    return code
