"""Writes docs/model-card.md from what a run printed: python -m sentinela_models.card --run build/training ….

Every figure comes from the JSON of a command of the run, so the card cannot say what was not measured.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import sys
import textwrap

from sentinela_models import before, constraints, rules

WEAK = 0.3  # recall at 0.1 % FPR below which a typology is called weak
FEW = 20  # frauds below which a group's recall says little
TARGETS = {"rules": 2.0, "logistic": 1.3}
MULE_TARGET = 0.5
QUESTIONS = {
    "payer": "is this customer being robbed? It scores outgoing and internal payments.",
    "receiver": "is this account a mule's? It scores incoming and internal payments.",
}


def percent(v: float, digits: int = 1) -> str:
    """Write a share."""
    return f"{100 * v:.{2 if 0 < v < 0.01 else digits}f} %"


def bracket(v: list[float] | None) -> str:
    """Write an interval of shares."""
    return f" ({100 * v[0]:.1f} to {100 * v[1]:.1f})" if v else ""


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a Markdown table, the first column to the left."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def words(name: str) -> str:
    """Write a name of the code as words."""
    return name.replace("_", " ")


class Role:
    """What a run left of one role."""

    def __init__(self, run: pathlib.Path, models: pathlib.Path, role: str):
        manifests = models / role / load(run / "run.json")["version"] / "manifest.json"
        self.name, self.manifest = role, load(manifests)
        self.alone = load(run / role / "model.json")
        self.together = load(run / role / "together.json")


def load(path: pathlib.Path) -> dict:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def data(run: dict, roles: list[Role]) -> str:
    """Say what the models learnt from and were measured on."""
    rows = []
    for r in roles:
        for name in ("training", "validation", "evaluation"):
            s = r.manifest[name]
            rows.append([f"{r.name}, {name}", s["from"][:10], s["to"][:10], f"{s['rows']:,}", f"{s['positives']:,}"])
    train, later = run["training_world"], run["evaluation_world"]
    return f"""## Data

Nothing real: two simulated worlds (`pixctl simulate`), replayed through the feature code that serves (`pixctl vectors`).

- Training world: seed {train["seed"]}, {train["accounts"]:,} accounts, {train["days"]} days from {train["start"]}, fraud
  boosted {train["boost"]:g}-fold: {train["events"]:,} payments that our institution sees, {train["frauds"]:,} of them fraud,
  {train["labels"]:,} reports.
- Evaluation world: seed {later["seed"]}, {later["accounts"]:,} accounts, {later["days"]} days from {later["start"]}, fraud
  boosted {later["boost"]:g}-fold: {later["events"]:,} payments, {later["frauds"]:,} of them fraud. Other people, other mules,
  and later: nothing was fitted to it, and no choice of method was made by its figures.

Every payment carries its sampling weight, and every figure below counts payments by weight, so that fraud is at its true
rate of {later["per_100k"]:.1f} in 100,000 payments. The first {run["warmup_days"]} days of the evaluation world are left out: their
windows look back on nothing. Those of the training world are not, because a new installation begins like that. Training
and validation see the reports that had arrived when the evaluation world begins; unreported fraud is legitimate to them.
The evaluation counts what was fraud in truth, reported or not.

{table(["slice", "from", "to", "payments", "frauds known"], rows)}
"""


def features(roles: list[Role]) -> str:
    """List the features' origin and the constraints."""
    used = roles[0].manifest["features"]
    by_reason: dict[tuple[int, str], list[str]] = {}
    for name, (sign, reason) in constraints.CONSTRAINTS.items():
        if name in used:
            by_reason.setdefault((sign, reason), []).append(f"`{name}`")
    rows = [
        ["rising" if sign > 0 else "falling", ", ".join(names), reason] for (sign, reason), names in by_reason.items()
    ]
    lines = [
        "| the score may only be | in | because |",
        "|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    return (
        f"""## Features

{len(used)} features of set `{roles[0].manifest["feature_set"]}`, described one by one in [features.md](features.md). Age band and
state are not among them. {sum(len(n) for n in by_reason.values())} are constrained to be monotone:

"""
        + "\n".join(lines)
        + "\n"
    )


def detection(r: Role) -> str:
    """Write the headline figures of a role."""
    a = r.alone
    points = [
        [
            percent(p["fpr"], 2),
            percent(p["recall"]) + bracket(p["recall_interval"]),
            percent(p["precision"]) + bracket(p["precision_interval"]),
            percent(p["brl_recall"]) + bracket(p["brl_recall_interval"]),
            f"{p['alerts_per_100k']:.0f}",
        ]
        for p in a["at_fpr"]
    ]
    budgets = [
        [
            f"{b['alerts_per_100k']:g}",
            words(b["ranked_by"]),
            percent(b["precision"]),
            percent(b["recall"]),
            percent(b["brl_recall"]),
        ]
        for b in sorted(a["at_budget"], key=lambda b: (b["ranked_by"] != "score", b["alerts_per_100k"]))
    ]
    c, top = a["calibration"], a["accounts"]
    return f"""### {r.name}/{r.manifest["version"]}

{r.manifest["trees"]} trees, {r.manifest["leaves"]:,} leaves. Measured on {a["rows"]:,} payments with {a["frauds"]:,} frauds, {a["fraud_per_100k"]:.1f} in 100,000 by weight;
in brackets the middle 95 % of {a["bootstrap"]["replicates"]} bootstrap replicates over accounts ({a["bootstrap"]["unit"]}).

{table(["FPR", "recall", "precision", "R$ detected", "alerts per 100,000"], points)}

{table(["alerts per 100,000 and day", "ranked by", "precision", "recall", "R$ detected"], budgets)}

- Average precision {a["average_precision"]:.3f}, AUC {a["auc"]:.4f} (a sanity line only).
- Of each day's {top["k"]} most suspicious accounts {percent(top["precision"])} have a fraud that day ({percent(top["recall"])} of all such accounts).
- Calibration: {c["expected"]:.1f} frauds expected, {c["observed"]:.1f} seen, expected calibration error {c["ece"]:.1e}, Brier {c["brier"]:.2e}.
  The probabilities are of fraud that gets reported, which is all that the training sees; {percent(reported(a), 0)} of the
  frauds here ever were.

![precision and recall](model-card/{r.name}-precision-recall.png)
![alert budget](model-card/{r.name}-budget.png)
![calibration](model-card/{r.name}-calibration.png)
![contributions](model-card/{r.name}-contributions.png)
"""


def reported(report: dict) -> float:
    """Return the share of frauds that somebody reported, rows counted one each."""
    frauds = {g["name"]: g["frauds"] for g in report["by_label_delay"]}
    return 1 - frauds.get("never reported", 0) / max(sum(frauds.values()), 1)


def missed(roles: list[Role]) -> str:
    """Say what stands in the way of the targets that are missed."""
    out = []
    for r in roles:
        logistic = next(b for b in r.together["beside"] if b["model"].endswith("/logistic"))
        b, ratio = logistic["at_budget"][0], logistic["brl_ratios"][0]
        if ratio["ratio"] < TARGETS["logistic"]:
            wanted = percent(b["brl_recall"] * TARGETS["logistic"])
            out.append(
                f"- {r.name}, logistic: the regression gets the same {len(r.manifest['features'])} features, which hold most of "
                f"the work, and finds {percent(b['brl_recall'])} of the R$ by score. {TARGETS['logistic']} times that would be {wanted}. "
                f"In number of frauds model and rules find {r.together['at_budget'][0]['recall'] / b['recall']:.2f} times as many."
            )
        if "mules" in r.alone and r.alone["mules"]["found_before_third_fraud"] < MULE_TARGET:
            m = r.alone["mules"]
            out.append(
                f"- mule accounts: an account is judged by its highest score of {r.alone['days']} days, so {percent(m['account_fpr'])} of "
                f"accounts is {100 * m['payment_fpr']:.4f} % of payments. {m['mules_with_one_fraud']} of the {m['mules']} mules have only one "
                f"incoming fraud that this institution sees; of those with several {percent(m['found_of_those_with_several'])} are found."
            )
    return "\n".join(["What stands in the way of the missed ones:", "", *out]) if out else ""


def verdict(met: bool) -> str:
    """Say whether a target is met."""
    return "met" if met else "**missed**"


def by_budget(roles: list[Role]) -> str:
    """Compare the R$ that each way detects at every budget, ranked by score."""
    rows = []
    for r in roles:
        besides = {b["model"].split("/")[1]: at_budgets(b) for b in r.together["beside"]}
        for budget, brl in sorted(at_budgets(r.together).items()):
            rival, alone = besides["logistic"][budget], besides[r.manifest["version"]][budget]
            figures = [percent(v) for v in (brl, alone, besides["rules"][budget], rival)]
            rows.append([r.name, f"{budget:g}", *figures, f"{brl / rival:.2f}" if rival else "-"])
    head = [
        "",
        "alerts per 100,000 and day",
        "model + rules",
        "model alone",
        "rules",
        "logistic",
        "model + rules over logistic",
    ]
    return table(head, rows)


def at_budgets(report: dict) -> dict[float, float]:
    """Return the share of R$ detected by alert budget, ranked by score."""
    return {b["alerts_per_100k"]: b["brl_recall"] for b in report["at_budget"] if b["ranked_by"] == "score"}


def progress(roles: list[Role], shipped: pathlib.Path | None) -> str:
    """Compare with the versions that ship, where they were measured on the same payments."""
    parts = []
    for r in roles:
        old = before.shipped(shipped, r.name, r.manifest["version"]) if shipped else None
        if old is None or not before.comparable(old, r.manifest):
            continue
        now = f"{r.name}/{r.manifest['version']}"
        lines = [
            [what, f"{was:.4f}", f"{is_:.4f}", f"{is_ - was:+.4f}"] for what, was, is_ in before.rows(old, r.manifest)
        ]
        parts.append(
            f"""`{now}` reads {len(r.manifest["features"])} features, `{r.name}/{old["version"]}` {len(old["features"])}:

{table(["", f"{r.name}/{old['version']}", now, "difference"], lines)}
"""
        )
    if not parts:
        return ""
    return """## Beside the version before

Trained and measured on the same worlds, by the same split. A difference that is smaller than the
intervals above says nothing.

""" + "\n".join(parts)


def baselines(roles: list[Role]) -> str:
    """Compare with rules and logistic regression, and say which targets are met."""
    rows, targets = [], []
    for r in roles:
        reports = {"model + rules": r.together} | {b["model"].split("/")[1]: b for b in r.together["beside"]}
        for key, report in reports.items():
            name = "model alone" if key == r.manifest["version"] else key
            for b, ratio in zip(report["at_budget"], report.get("brl_ratios", [None] * 2), strict=False):
                times = (
                    f"{ratio['ratio']:.2f} ({ratio['ratio_interval'][0]:.2f} to {ratio['ratio_interval'][1]:.2f})"
                    if ratio
                    else ""
                )
                recall = percent(b["recall"]) + bracket(b["recall_interval"])
                brl = percent(b["brl_recall"]) + bracket(b["brl_recall_interval"])
                rows.append([f"{r.name}, {name}", words(b["ranked_by"]), recall, brl, times])
        for name, target in TARGETS.items():
            for ratio in reports[name]["brl_ratios"]:
                kind = f"{r.name}: R$ of model + rules over {name}, ranked by {words(ratio['ranked_by'])}"
                low, high = ratio["ratio_interval"]
                figure = f"{ratio['ratio']:.2f} ({low:.2f} to {high:.2f})"
                targets.append([kind, f"≥ {target}", figure, verdict(ratio["ratio"] >= target)])
        if "mules" in r.alone:
            m = r.alone["mules"]
            found = percent(m["found_before_third_fraud"]) + bracket(m["found_before_third_fraud_interval"])
            kind = f"mule accounts found before their third incoming fraud, {percent(m['account_fpr'])} of other accounts suspected"
            targets.append(
                [kind, f"≥ {percent(MULE_TARGET, 0)}", found, verdict(m["found_before_third_fraud"] >= MULE_TARGET)]
            )
    budget = roles[0].together["at_budget"][0]["alerts_per_100k"]
    return f"""## Beside rules and logistic regression

The same payments, the same budget of {budget:g} alerts per 100,000 payments and day. *Rules* are {len(rules.RULES)} rules with points that a
fraud desk would run (`sentinela_models.rules`), written before anything was measured. *Logistic* is a regression over all
features with logarithms, missing-value indicators, and an L2 penalty and weights of rows chosen on the validation slice. *Model + rules* takes
the higher of both probabilities, as the policy holds what either would hold. Every one of them is ranked by its score and
by its expected loss, probability times amount. The last column is how many times the R$ of that row model + rules detects.

{table(["", "ranked by", "recall", "R$ detected", "model + rules detects"], rows)}

The same R$ at every budget, ranked by score:

{by_budget(roles)}

{table(["target", "wanted", "measured", ""], targets)}

{missed(roles)}
"""


def groups(title: str, head: str, rows: list[dict], frauds_only: bool = False) -> str:
    """Write recall and FPR of groups; classes of frauds have no FPR, and the weak among them are named."""
    out = []
    for g in rows:
        note = " (weak)" if frauds_only and g["recall"] < WEAK else ""
        few = " †" if 0 < g["frauds"] < FEW else ""
        recall = percent(g["recall"]) + few if g["frauds"] else "-"
        line = [words(g["name"]) + note, f"{g['frauds']:,}", recall, percent(g["brl_recall"]) if g["frauds"] else "-"]
        out.append(line if frauds_only else [*line, percent(g["fpr"], 2)])
    columns = [head, "frauds", "recall", "R$ detected"]
    return f"{title}\n\n" + table(columns if frauds_only else [*columns, "FPR"], out) + "\n"


def weaknesses(roles: list[Role]) -> str:
    """Say by typology, delay and look-alike where the models are weak."""
    parts = [
        f"""## Where they are weak

At a false positive rate of 0.1 % over all payments. † marks fewer than {FEW} frauds: such a recall says little.
"""
    ]
    for r in roles:
        weak = [words(g["name"]) for g in r.alone["by_typology"] if g["recall"] < WEAK]
        parts.append(groups(f"### {r.name}: typologies", "typology", r.alone["by_typology"], True))
        parts.append(f"![typologies](model-card/{r.name}-typologies.png)\n")
        if weak:
            parts.append(f"Below {percent(WEAK, 0)}: {', '.join(weak)}.\n")
        parts.append(groups(f"### {r.name}: time until the report", "reported", r.alone["by_label_delay"], True))
        look = [[words(g["name"]), f"{g['payments']:,.0f}", percent(g["fpr"], 2)] for g in r.alone["look_alikes"]]
        parts.append(
            f"### {r.name}: legitimate look-alikes\n\n" + table(["look-alike", "payments", "FPR"], look) + "\n"
        )
    return "\n".join(parts)


def fairness(roles: list[Role]) -> str:
    """Write recall and FPR by age band and state."""
    parts = [
        """## Fairness

Neither age nor state is a feature; what is measured is whether people are stopped or protected differently all the same.
The threshold is the one at which 0.1 % of all legitimate payments are flagged.
"""
    ]
    for r in roles:
        whose = "paying customer" if r.name == "payer" else "receiving customer"
        parts.append(groups(f"### {r.name}: age band of the {whose}", "age band", r.alone["by_age_band"]))
        parts.append(groups(f"### {r.name}: state of the {whose}", "state", r.alone["by_state"]))
        spread = [g["fpr"] for g in r.alone["by_age_band"] if g["payments"] >= 10_000 and g["name"] != "unknown"]
        if spread and min(spread) > 0:
            parts.append(
                f"Largest over smallest FPR among age bands of at least 10,000 payments: {max(spread) / min(spread):.1f}.\n"
            )
    return "\n".join(parts)


def wrap(text: str) -> str:
    """Wrap paragraphs and list items, and nothing else, at the house's line length."""
    out = []
    for block in text.split("\n\n"):
        items = re.split(r"\n(?=- )", block)
        if block.startswith(("|", "#", "!")) or not block.strip():
            out.append(block.strip("\n"))
            continue
        for i, item in enumerate(items):
            indent = "  " if item.startswith("- ") else ""
            items[i] = textwrap.fill(
                " ".join(item.split()), 118, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False
            )
        out.append("\n".join(items))
    return "\n\n".join(b for b in out if b) + "\n"


def card(run_dir: pathlib.Path, models: pathlib.Path, shipped: pathlib.Path | None = None) -> str:
    """Write the whole card."""
    run = load(run_dir / "run.json")
    roles = [Role(run_dir, models, name) for name in QUESTIONS]
    intro = "\n".join(f"- `{r.name}/{r.manifest['version']}`: {QUESTIONS[r.name]}" for r in roles)
    m = roles[0].manifest
    figures = "\n".join(detection(r) for r in roles)
    return f"""# Model card

Generated by `make model`; an edit by hand is lost with the next run. The figures are those of one run on {m["trained_at"][:10]}.

{intro}

LightGBM {m["lightgbm_version"]}, gradient-boosted trees, binary log-loss, early stopping by average precision on a later slice, scores
calibrated to the true share of fraud by Platt's method. `model.txt` has sha256
{", ".join(f"`{r.manifest['files']['model.txt'][:16]}…` ({r.name})" for r in roles)}.

{data(run, roles)}
{features(roles)}
## Detection

{figures}
{progress(roles, shipped)}
{baselines(roles)}
{weaknesses(roles)}
{fairness(roles)}
## Limits

- The payments are simulated. The figures show that the machinery learns and how it is measured; they say nothing about
  real fraud. Before real payments are held, train on real ones and run in shadow.
- The simulator and the features were written by the same people. A typology that nobody thought of is in neither.
- Unreported fraud is a legitimate payment to the training, and a false report is a fraud.
- Intervals are over accounts of one world with one seed. Another world differs by more than they say.
- Thresholds are quantiles of this evaluation world. Set the policy's thresholds again for every model and institution.
- One institution's seat: what happens between other institutions shows only through DICT.

## Again

`make model` prints all of this on two cores and leaves the tables of scores in `build/training/<role>`, the truth in
`build/training/evaluation/truth.jsonl` and the reports beside them. `pixctl evaluate` prints the figures of any such table;
`python -m sentinela_models.evaluate` computes them a second time and agrees within 1e-9.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_models.card", description=__doc__)
    p.add_argument("--run", type=pathlib.Path, required=True, help="directory with run.json and <role>/*.json")
    p.add_argument("--models", type=pathlib.Path, required=True, help="directory with <role>/<version>")
    p.add_argument("--shipped", type=pathlib.Path, help="directory with the versions before, to compare with")
    p.add_argument("--out", type=pathlib.Path, required=True, help="Markdown file to write")
    a = p.parse_args(sys.argv[1:] if argv is None else argv)
    a.out.write_text(wrap(card(a.run, a.models, a.shipped)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
