"""Approves, releases, promotes and rolls back. The alias is the truth; reconcile makes the model store follow it.

Every step may be cut off and run again: tags and aliases are written first, in an order in which what is half done is
refused or finished by the next run, and the store follows through pixctl, which verifies once more.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import pathlib
import tempfile

from sentinela_mlops import artefacts, evidence, gate, gold
from sentinela_mlops import registry as registries
from sentinela_mlops.evidence import Candidate
from sentinela_mlops.gate import Bounds, Report
from sentinela_mlops.pixctl import Pixctl
from sentinela_mlops.registry import CHALLENGER, CHAMPION, Registry, Version
from sentinela_models import vectors
from sentinela_models.errors import Refused

APPROVED, POLICY = "Approved", "policy:"
GATE_TAGS = (
    "gate", "gate_failed", "gate_report_sha256", "gate_artefact_sha256", "gate_champion_sha256", "gate_gold_sha256",
    "gate_expected_sha256", "gate_run_id",
)  # fmt: skip
APPROVAL_TAGS = ("approval", "approved_by", "approved_at", "approved_report_sha256")


def now() -> str:
    """Return the present moment, RFC 3339."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def write(path: pathlib.Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


@dataclasses.dataclass(frozen=True)
class Case:
    """What a version is judged on."""

    gold: pathlib.Path
    contract: pathlib.Path
    since: str = ""  # RFC 3339: the window's begin
    until: str = ""  # and its end, excluded
    expectations: pathlib.Path | None = None  # report of the data expectations
    out: pathlib.Path | None = None  # directory for the report
    bounds: Bounds = dataclasses.field(default_factory=Bounds)


def judge(reg: Registry, v: Version, r: Case, pixctl: Pixctl) -> Report:
    """Judge a version on the rows of the gold table from `since` on, and write the verdict where all can see it.

    The tags of an earlier judgement go first, with its approval: a judgement that is cut off leaves a version unjudged.
    """
    champion = reg.champion()
    if champion.number == v.number:
        raise Refused(f"{v.artefact} is the champion itself; there is nothing to judge")
    contract = vectors.read_contract(r.contract)
    with tempfile.TemporaryDirectory() as tmp:
        root = pathlib.Path(tmp)
        rows = gold.read(r.gold, reg.role, contract)
        expected = evidence.read_expectations(r.expectations, r.gold)
        window = gold.window(gold.write(rows, root / "window.parquet", r.since, r.until), reg.role, contract)
        pair = [reg.fetch(x, root / side) for x, side in ((v, "candidate"), (champion, "champion"))]
        learnt = reg.learnt(v, root / "learnt")
        reg.tag(v, dict.fromkeys((*APPROVAL_TAGS, *GATE_TAGS)))
        report = gate.judge(evidence.gather(*pair, learnt, window, expected, pixctl), r.bounds)
        publish(reg, v, report, root / "report", r.out)
    return report


def publish(reg: Registry, v: Version, report: Report, here: pathlib.Path, out: pathlib.Path | None) -> None:
    """Store the report in a run of its own and in a directory, then say so on the version, the verdict last."""
    text = report.json()
    for directory in filter(None, (here, out)):
        write(directory / "gate.json", text)
        write(directory / "gate.txt", report.table())
    digest = artefacts.digest(text.encode())
    about = {"step": "gate", "what": f"Judges {report.candidate} against {report.champion}.", "verdict": report.verdict}
    with reg.run(f"gate {report.candidate}", about) as run:
        figures = {f"gate/{slug(c.name)}": c.figure for c in report.checks if c.figure is not None}
        figures |= {f"passed/{slug(c.name)}": float(c.name not in report.failed) for c in report.checks}
        registries.log({"candidate": report.candidate, "champion": report.champion, **report.window}, figures)
        registries.keep(here, "gate")
    why = f" by {', '.join(report.failed)}" if report.failed else ""
    reg.describe(v, f"Gate: **{report.verdict}**{why}, against {report.champion}; report in run {run.info.run_id}.")
    reg.tag(
        v,
        {
            "gate_report_sha256": digest,
            "gate_artefact_sha256": report.candidate_sha256,
            "gate_champion_sha256": report.champion_sha256,
            "gate_gold_sha256": report.gold_sha256,
            "gate_expected_sha256": report.expected_sha256,
            "gate_run_id": run.info.run_id,
            "gate_failed": ", ".join(report.failed) or "none",
            "gate": report.verdict,
        },
    )


def slug(name: str) -> str:
    """Return a name that MLflow takes for a metric."""
    return name.lower().replace(" ", "_").replace("%", "pct")


def require_gate(reg: Registry, v: Version) -> None:
    """Refuse a version without a passed gate for exactly its artefact, against exactly the champion of now."""
    t = v.tags
    if t.get("gate") != gate.PASSED:
        failed = t.get("gate_failed")
        why = f"the gate refused it: {failed}" if failed else "no gate has judged it"
        raise Refused(f"{v.artefact} of {reg.name}: {why}")
    if t.get("gate_artefact_sha256") != t.get("artefact_sha256"):
        raise Refused(f"{v.artefact} of {reg.name}: the gate judged another artefact; judge it again")
    if not t.get("gate_gold_sha256") or t["gate_gold_sha256"] != t.get("gate_expected_sha256"):
        raise Refused(f"{v.artefact} of {reg.name}: its expectations were those of another gold table; judge it again")
    if t.get("gate_champion_sha256") != reg.champion().tags.get("artefact_sha256"):
        raise Refused(
            f"{v.artefact} of {reg.name} was judged against another champion than that of now; judge it again"
        )


def approve(reg: Registry, v: Version, by: str, policy: bool) -> None:
    """Approve what the gate passed. Whoever trained a version does not approve it; a policy may, under its own name."""
    require_gate(reg, v)
    if not by:
        raise Refused("say who approves: --by NAME")
    if by.startswith(POLICY):
        raise Refused(f"{by} is a policy's name: a policy approves with --policy")
    if not policy and by == v.tags.get("trained_by"):
        raise Refused(f"{by} trained {v.artefact} and does not approve it: somebody else, or a policy, has to")
    name = POLICY + by if policy else by
    digest = v.tags["gate_report_sha256"]
    reg.tag(v, {"approved_report_sha256": digest, "approved_by": name, "approved_at": now(), "approval": APPROVED})


def require_approval(reg: Registry, v: Version) -> None:
    """Refuse a version unless the gate passed it and somebody approved exactly that report."""
    require_gate(reg, v)
    if v.tags.get("approval") != APPROVED or v.tags.get("approved_report_sha256") != v.tags["gate_report_sha256"]:
        raise Refused(f"{v.artefact} of {reg.name}: nobody has approved what the gate reported")


def reject(reg: Registry, v: Version, by: str) -> None:
    """Reject a version, whatever the gate said."""
    reg.tag(v, {"approval": "Rejected", "approved_by": by, "approved_at": now(), "approved_report_sha256": None})


def release(reg: Registry, v: Version, store: str, pixctl: Pixctl) -> dict:
    """Put a version that the gate passed into the store and into shadow."""
    champion = reg.champion()
    if champion.number == v.number:
        raise Refused(f"{v.artefact} is the champion: it serves already")
    require_gate(reg, v)
    genuine(reg, v, pixctl)
    reg.move(CHALLENGER, v)
    return reconcile(reg, store, pixctl)


def promote(reg: Registry, v: Version, store: str, pixctl: Pixctl) -> dict:
    """Make an approved challenger the champion, and the store follow. Where it is so already, only the latter."""
    champion = reg.champion()
    if champion.number != v.number:
        challenger = reg.at(CHALLENGER)
        if challenger is None or challenger.number != v.number:
            raise Refused(f"{v.artefact} of {reg.name} does not score in shadow: release it first")
        require_approval(reg, v)
        genuine(reg, v, pixctl)
        reg.tag(v, {"replaced": champion.artefact, "promoted_at": now()})
        reg.move(CHAMPION, v)
    return reconcile(reg, store, pixctl)


def genuine(reg: Registry, v: Version, pixctl: Pixctl) -> None:
    """Refuse files in the registry that are not those that were judged."""
    with tempfile.TemporaryDirectory() as tmp:
        held(reg, v, pathlib.Path(tmp), pixctl)


def held(reg: Registry, v: Version, root: pathlib.Path, pixctl: Pixctl) -> Candidate:
    """Fetch a version that is what it was registered as, and that would be served."""
    found = reg.fetch(v, root)
    if artefacts.read(found.directory).sha256 != found.stated_sha256:
        raise Refused(f"{v.artefact} of {reg.name}: the files are not those that were registered")
    pixctl.verify(found.directory)
    return found


def rollback(reg: Registry, store: str, pixctl: Pixctl, leave: str) -> dict:
    """Give the alias back to the version that the champion took it from; what is left needs a new approval."""
    champion = reg.champion()
    if champion.artefact != leave:
        raise Refused(f"{leave} is not the champion, {champion.artefact} is; to finish what was cut off `reconcile`")
    before = champion.tags.get("replaced")
    if not before:
        raise Refused(f"{champion.artefact} of {reg.name} is the first champion; there is none to go back to")
    target = reg.by_artefact(before)
    reg.tag(champion, {**dict.fromkeys(APPROVAL_TAGS), "rolled_back_at": now()})
    reg.move(CHAMPION, target)
    return reconcile(reg, store, pixctl)


def reconcile(reg: Registry, store: str, pixctl: Pixctl) -> dict:
    """Make the store follow the aliases: the champion in force, the challenger and nobody else in shadow.

    A champion that is there is put in force even where the challenger cannot be fetched.
    """
    champion, challenger = reg.champion(), reg.at(CHALLENGER)
    if challenger and challenger.number == champion.number:
        reg.move(CHALLENGER, None)
        challenger = None
    with tempfile.TemporaryDirectory() as tmp:
        root = pathlib.Path(tmp)
        there = pixctl.add(store, reg.role, held(reg, champion, root / "champion", pixctl).directory)
        if there["version"] != champion.artefact and there.get("before") == champion.artefact:
            pixctl.rollback(store, reg.role, there["version"])
        else:
            pixctl.promote(store, reg.role, champion.artefact)
        shadow = [challenger.artefact] if challenger else []
        if challenger:
            pixctl.add(store, reg.role, held(reg, challenger, root / "challenger", pixctl).directory)
        if there.get("challengers", []) != shadow:
            pixctl.challengers(store, reg.role, shadow)
    return pixctl.current(store, reg.role)


def status(reg: Registry) -> list[dict]:
    """List the versions and how far each has come."""
    shown = ("gate", "gate_failed", "approval", "approved_by", "replaced", "trained_by", "code_version")
    return [
        {
            "version": v.artefact,
            "number": v.number,
            "aliases": v.aliases,
            **{k: v.tags[k] for k in shown if k in v.tags},
        }
        for v in reg.versions()
    ]


def summary(rows: list[dict]) -> str:
    """Write the list for a person."""
    return "\n".join(json.dumps(row) for row in rows)
