"""The gate: judges whether a candidate may take the champion's place. Pure: evidence in, report out.

What is not proven is refused. Worse recall, calibration and drift are refused unless the window shows that they are
within bounds; where it holds too little to show that, the verdict is "insufficient", which is a refusal too, and says
what is missing. Nothing here is a warning.
"""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np

from sentinela_mlops import compare
from sentinela_mlops import profile as profiles
from sentinela_mlops.compare import Margin
from sentinela_mlops.gold import Window
from sentinela_mlops.profile import Profile
from sentinela_models import reference

PASSED, REFUSED, INSUFFICIENT = "passed", "refused", "insufficient"
NOTHING = "nothing to lose"  # a champion that finds nothing at a rate; no refusal, if there is a rate that was judged
LEFT_OUT = "left out"  # a rate that a target says its windows are too small for; told, and no refusal


@dataclasses.dataclass(frozen=True)
class Bounds:
    """How much is let through. docs/adr/0016 says why these."""

    # Recall that may be lost for certain at each false positive rate: a share of the champion's, or a point.
    margins: tuple[Margin, ...] = (Margin(0.001, 0.1, 0.01), Margin(0.0005, 0.15, 0.01), Margin(0.0001, 0.25, 0.01))
    left_out: tuple[float, ...] = ()  # rates that are not judged
    flagged: float = 5  # legitimate payments above a threshold; fewer do not place it, and the bootstrap is too sure
    power: float = 0.8  # with which an equal candidate must be let through, or the window is too small
    frauds: int = 100  # fewer say nothing, whatever the bootstrap says
    expected: float = 2.0  # frauds promised over frauds seen, and its inverse, with all of the 95 % interval
    expected_alerts: float = 3.0  # the same among the rows that are alerts
    collapse: float = 0.25  # recall of a typology that may be lost
    typology_frauds: int = 10  # fewer are not judged alone
    typology_share: float = 0.8  # of the frauds must be of typologies that are judged
    false_collapse: float = 0.05  # chance that any typology of an equal candidate is taken for collapsed
    psi: float = 0.5  # of one feature
    psi_many: float = 0.25  # of more than this share of the features:
    psi_share: float = 0.05
    separation: float = 0.97  # of one feature alone: no honest one comes near, a leak does
    parity: float = 1e-9
    parity_rows: int = 1000
    slower: float = 2.0  # times the champion's time for the same rows
    steps: int = 6000  # a score of so many steps is within the scorer's budget, whatever the champion takes
    replicates: int = 300
    seed: int = 1


@dataclasses.dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    figure: float | None
    bound: str
    verdict: str
    detail: str


@dataclasses.dataclass(frozen=True)
class Side:
    """One model, and what it says of the window."""

    name: str  # ROLE/VERSION
    sha256: str  # of manifest.json, which holds the hashes of the other files
    stated_sha256: str  # as registered
    refusal: str  # why the Go side would not serve it; empty when it would
    fitted_until: str  # RFC 3339: the newest row that the fit saw
    raw: np.ndarray  # LightGBM's, in Python; empty where the artefact cannot be read
    probability: np.ndarray
    steps: int  # of a score
    seconds: float  # the least that the Go side took for the rows of the window


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Everything a judgement depends on."""

    candidate: Side
    champion: Side
    window: Window
    begin: str  # of the window, RFC 3339
    profile: Profile
    overlap: int  # rows of the window that the candidate was fitted to
    served: np.ndarray  # (raw, probability) of the Go side for the latest rows of the window, in their order
    expectations: list[str] | None  # those that failed; None where nobody says that they were checked
    gold_sha256: str  # of the files that the window was cut from
    expected_sha256: str  # and of those that the report of the expectations is of
    size_refusal: str
    covered: bool  # golden vectors meet every split and leaf


@dataclasses.dataclass(frozen=True)
class Report:
    """The verdict and every check."""

    candidate: str
    candidate_sha256: str
    champion: str
    champion_sha256: str
    window: dict
    gold_sha256: str  # of what was read
    expected_sha256: str  # of what the expectations were held to
    checks: list[Check]

    @property
    def verdict(self) -> str:
        """Return passed only if no check refused."""
        return REFUSED if self.failed else PASSED

    @property
    def failed(self) -> list[str]:
        """Return the names of the checks that did not pass."""
        return [c.name for c in self.checks if c.verdict not in (PASSED, NOTHING, LEFT_OUT)]

    def json(self) -> str:
        """Write the report for programs."""
        doc = {"verdict": self.verdict, "failed": self.failed, **dataclasses.asdict(self)}
        return json.dumps(doc, indent=2, allow_nan=False) + "\n"

    def table(self) -> str:
        """Write the report for a person."""
        head = f"{self.candidate} against {self.champion}, {self.window['from']} to {self.window['to']}: {self.verdict}"
        rows = [("check", "figure", "bound", "verdict", "")]
        rows += [(c.name, show(c.figure), c.bound, c.verdict, c.detail) for c in self.checks]
        width = [max(len(row[i]) for row in rows) for i in range(4)]
        lines = ["  ".join([*(row[i].ljust(width[i]) for i in range(4)), row[4]]).rstrip() for row in rows]
        return "\n".join([head, "", *lines]) + "\n"


def show(figure: float | None) -> str:
    """Write a figure in four digits."""
    return "-" if figure is None else f"{figure:.4g}"


def judge(e: Evidence, b: Bounds = Bounds()) -> Report:
    """Judge a candidate against the champion on one window."""
    checks = [integrity("candidate artefact", e.candidate), integrity("champion artefact", e.champion)]
    if all(c.verdict == PASSED for c in checks):
        checks += [c for check in CHECKS for c in check(e, b)]
    v = e.window.rows
    window = {
        "from": e.begin,
        "to": profiles.iso(int(v.event_time[-1])),
        "rows": len(v.label),
        "frauds": int(v.label.sum()),
        "accounts": int(e.window.account.max()) + 1,
    }
    names = (e.candidate.name, e.candidate.sha256, e.champion.name, e.champion.sha256)
    return Report(*names, window, e.gold_sha256, e.expected_sha256, checks)


def line(name: str, figure: float | None, bound: str, ok: bool, detail: str = "") -> Check:
    """Return a check that either passed or is refused."""
    return Check(name, figure, bound, PASSED if ok else REFUSED, detail)


def integrity(name: str, s: Side) -> Check:
    """Refuse files that the scorer would not serve, or that are not those that were registered."""
    bound = "served by pixctl, as registered"
    if s.refusal:
        return Check(name, None, bound, REFUSED, s.refusal)
    same = s.sha256 == s.stated_sha256
    return line(name, None, bound, same, "" if same else "the files are not those that were registered")


def future(e: Evidence, b: Bounds) -> list[Check]:
    """Refuse a window that either model was fitted to: it would be asked what it has learnt by heart."""
    out = []
    for name, s in (("candidate learnt before", e.candidate), ("champion learnt before", e.champion)):
        late = s.fitted_until >= e.begin
        detail = f"fitted until {s.fitted_until}" + (
            ": choose a later window, or train on earlier rows" if late else ""
        )
        out.append(line(name, None, f"< {e.begin}", not late, detail))
    out.append(
        line("rows learnt by heart", e.overlap, "0", e.overlap == 0, "payments of the window in the training rows")
    )
    return out


def training(e: Evidence, b: Bounds) -> list[Check]:
    """Refuse training rows that are there twice, and a feature that gives the label away."""
    if not e.profile.features:
        return [line("training rows", None, "known", False, "nobody knows what it learnt from: train it here")]
    name, leak = max(((n, f.auc) for n, f in e.profile.features.items()), key=lambda found: found[1])
    repeated = e.profile.repeated
    return [
        line("repeated rows", repeated, "0", repeated == 0, f"of {e.profile.rows} that the model was fitted to"),
        line("leaking feature", leak, f"<= {b.separation}", leak <= b.separation, f"AUC of {name} alone"),
    ]


def recall(e: Evidence, b: Bounds) -> list[Check]:
    """Refuse a candidate unless it is shown to lose no more than the margin at every false positive rate."""
    frauds = int(e.window.rows.label.sum())
    if frauds < b.frauds:
        detail = f"{frauds} frauds in the window say nothing; {b.frauds} are needed: take a longer or a later window"
        return [Check("evidence", frauds, f">= {b.frauds} frauds", INSUFFICIENT, detail)]
    asked = tuple(m for m in b.margins if m.level not in b.left_out)
    found = compare.recalls(e.candidate.raw, e.champion.raw, e.window, asked, b.replicates, b.seed)
    left = [Check(called(m), None, "-", LEFT_OUT, "by --leave-out") for m in b.margins if m not in asked]
    return [recalled(d, frauds, b, all(d.empty for d in found)) for d in found] + left


def called(m: Margin) -> str:
    """Return the name of the check at one false positive rate."""
    return f"recall at {m.level:.2%} FPR"


def recalled(d: compare.Difference, frauds: int, b: Bounds, nowhere: bool) -> Check:
    """Judge one false positive rate. Where the champion finds nothing is nothing to judge, but not everywhere."""
    name, bound = called(d.margin), ">= 0"
    both = f"{d.candidate:.3f} against {d.champion:.3f}, difference {d.gain:+.3f} of which -{d.allowed:.3f} is allowed"
    if d.flagged < b.flagged:
        more = f"{b.flagged / d.margin.level:.0f} legitimate payments place it: take a longer window"
        detail = f"{both}; of so few payments {d.flagged:.1f} may be above the threshold, {more}"
        return Check(name, d.lower, bound, INSUFFICIENT, detail)
    if d.empty:
        detail = f"no power here: {both}; the champion finds {d.champion_at_most:.3f} at most, less than may be lost"
        detail += "; nor at any other rate: nothing was compared" if nowhere else ""
        return Check(name, d.lower, bound, INSUFFICIENT if nowhere else NOTHING, detail)
    verdict, detail = PASSED, f"{both}; the figure is what is left with 95 %; an equal model passes with {d.power:.0%}"
    if d.lower < 0:
        verdict = REFUSED
        if d.power < b.power and d.left > 0:
            verdict = INSUFFICIENT
            detail = f"{both}; {frauds} frauds are too few to tell, {d.needed(frauds)} would do: take a longer window"
    return Check(name, d.lower, bound, verdict, detail)


def calibration(e: Evidence, b: Bounds) -> list[Check]:
    """Refuse probabilities that promise another number of frauds than came: the policy compares them with costs."""
    everything = np.ones(len(e.window.rows.label), dtype=bool)
    alerts = e.candidate.raw >= compare.threshold(e.candidate.raw, e.window, b.margins[0].level)
    out = []
    for name, rows, bound in (("", everything, b.expected), (" of alerts", alerts, b.expected_alerts)):
        found, low, high = compare.expected(e.candidate.probability, e.window, rows, b.replicates, b.seed)
        ok, wrong = 1 / bound <= low and high <= bound, found < 1 / bound or found > bound
        detail = f"frauds promised over frauds seen, 95 %: {low:.2f} to {high:.2f}"
        verdict = PASSED if ok else REFUSED if wrong else INSUFFICIENT
        if verdict == INSUFFICIENT:
            detail += "; the window cannot tell: more frauds are needed, or a better calibration"
        out.append(Check("calibration" + name, found, f"{1 / bound:.2f} to {bound:.2f}", verdict, detail))
    return out


def typologies(e: Evidence, b: Bounds) -> list[Check]:
    """Refuse a candidate that has forgotten a kind of fraud, even if it finds more of the others."""
    v, level = e.window.rows, b.margins[0].level
    fraud = v.label == 1
    ours, theirs = (s.raw >= compare.threshold(s.raw, e.window, level) for s in (e.candidate, e.champion))
    names, counts = np.unique(v.typology[fraud], return_counts=True)
    judged = [str(n) for n, c in zip(names, counts, strict=True) if c >= b.typology_frauds]
    share = float(counts[counts >= b.typology_frauds].sum() / max(fraud.sum(), 1))
    worst, collapsed = (0.0, "none"), []
    for name in judged:
        rows = fraud & (v.typology == name)
        lost = float(theirs[rows].mean() - ours[rows].mean())
        worst = max(worst, (lost, name))
        better, worse = int((ours & ~theirs & rows).sum()), int((theirs & ~ours & rows).sum())
        if lost >= b.collapse and compare.sign_test(better, worse) < b.false_collapse / len(judged):
            collapsed.append(f"{name} ({theirs[rows].mean():.2f} to {ours[rows].mean():.2f} of {rows.sum()})")
    detail = f"{', '.join(collapsed)} collapsed" if collapsed else f"most is lost of {worst[1]}, {len(judged)} judged"
    out = [line("typologies", worst[0], f"< {b.collapse} lost", not collapsed, detail)]
    enough = share >= b.typology_share
    detail = "" if enough else f"too many frauds are of kinds with fewer than {b.typology_frauds}: take a longer window"
    verdict = PASSED if enough else INSUFFICIENT
    return [*out, Check("frauds of judged typologies", share, f">= {b.typology_share}", verdict, detail)]


def drift(e: Evidence, b: Bounds) -> list[Check]:
    """Refuse training rows that are of another world than the window: what was learnt there is not known to hold."""
    v = e.window.rows
    if missing := [n for n in e.profile.features if n not in v.features]:
        return [line("drift", None, f"<= {b.psi}", False, f"the window has no {', '.join(missing[:3])}")]
    moved = {n: profiles.psi(f, v.x[:, v.features.index(n)], v.weight) for n, f in e.profile.features.items()}
    judged = {n: p for n, p in moved.items() if not reference.follows_clock(n)}
    if not judged:
        return [line("drift", None, f"<= {b.psi}", False, "nobody knows the rows that it learnt from")]
    most = sorted(judged, key=lambda n: -judged[n])[:3]
    many = sum(p > b.psi_many for p in judged.values()) / len(judged)
    told = ", ".join(f"{n} {judged[n]:.2f}" for n in most)
    return [
        line("drift", judged[most[0]], f"<= {b.psi}", judged[most[0]] <= b.psi, f"PSI, most: {told}"),
        line("drift of many", many, f"<= {b.psi_share}", many <= b.psi_share, f"share of features above {b.psi_many}"),
    ]


def expectations(e: Evidence, b: Bounds) -> list[Check]:
    """Refuse data whose expectations failed, and data of which nobody says that they were checked."""
    failed = ["nobody says that they were checked"] if e.expectations is None else e.expectations
    if e.expectations is not None and e.expected_sha256 != e.gold_sha256:
        failed = [*failed, "the report is of other files than the gold table that is read"]
    return [line("data expectations", float(len(failed)), "0", not failed, "; ".join(failed[:3]))]


def parity(e: Evidence, b: Bounds) -> list[Check]:
    """Refuse a model that Go and Python do not score alike on rows that neither has seen."""
    rows = len(e.served)
    if rows < b.parity_rows:
        detail = f"{rows} fresh rows, {b.parity_rows} are needed: take a longer window"
        return [Check("parity of Go and Python", rows, f">= {b.parity_rows} rows", INSUFFICIENT, detail)]
    ours = np.column_stack([e.candidate.raw, e.candidate.probability])[-rows:]
    worst = float(np.abs(ours - e.served).max()) if ours.shape == e.served.shape else math.inf
    figure = worst if math.isfinite(worst) else None
    return [line("parity of Go and Python", figure, f"<= {b.parity}", worst <= b.parity, f"{rows} fresh rows")]


def cost(e: Evidence, b: Bounds) -> list[Check]:
    """Refuse a model that is too large, or slower than the champion beyond what the scorer can afford."""
    ratio = e.candidate.seconds / e.champion.seconds if e.champion.seconds > 0 else math.inf
    ok = ratio <= b.slower or e.candidate.steps <= b.steps
    detail = f"times the champion's for the same rows; {e.candidate.steps} steps a score against {e.champion.steps}"
    figure = ratio if math.isfinite(ratio) else None
    return [
        line("latency", figure, f"<= {b.slower}, or <= {b.steps} steps", ok, detail),
        line("size", None, "limits of the scorer", not e.size_refusal, e.size_refusal),
        line("golden coverage", None, "every split and leaf", e.covered, "" if e.covered else "some are never met"),
    ]


CHECKS = (future, training, expectations, recall, calibration, typologies, drift, parity, cost)
