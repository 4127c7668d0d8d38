"""The twin of `pixctl evaluate`: the same measures, written a second time, so that a slip in one of them shows.

python -m sentinela_models.evaluate --scores F.parquet --truth truth.jsonl prints the report as JSON; with --against
REPORT.json it also compares with what pixctl evaluate -json printed and fails when any figure differs by more than
1e-9.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import pathlib
import sys

import numpy as np

from sentinela_models import bootstrap, scores
from sentinela_models.errors import Refused
from sentinela_models.scores import Scores

FPR_LEVELS = (0.001, 0.0005, 0.0001)
GROUP_FPR, MULE_FPR, MULE_FRAUDS = 0.001, 0.001, 2
BUDGETS = (10, 20, 50, 100, 200, 500)
ORDERS = ("score", "expected_loss")
SLACK = 1 + 1e-12  # keeps the rounding of sums from moving a threshold
EDGES = np.array([0, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1])
DELAYS = ("within 1 day", "1 to 7 days", "7 to 30 days", "30 to 80 days", "after 80 days", "never reported")
TOP_SHARES = 20


def ratio(a: float, b: float) -> float:
    """Return a over b, 0 when there is nothing to take a share of."""
    return float(a) / float(b) if b else 0.0


def ranking(s: Scores, by: str) -> np.ndarray:
    """Return row numbers from the most suspicious down."""
    rows = np.arange(len(s.raw))
    if by == "score":
        return np.lexsort((rows, -s.amount, -s.raw))
    return np.lexsort((rows, -s.raw, -(s.probability * s.amount)))


def steps(raw: np.ndarray) -> np.ndarray:
    """Return the last places of runs of equal scores."""
    return np.append(np.flatnonzero(np.diff(raw)), len(raw) - 1) if len(raw) else np.array([], dtype=int)


def totals(fraud: np.ndarray, weight: np.ndarray, amount: np.ndarray) -> tuple[float, float, float]:
    """Return the weights of frauds and of legitimate payments, and the R$ of fraud."""
    return weight[fraud].sum(), weight[~fraud].sum(), (weight * amount)[fraud].sum()


def at_fpr(raw, weight, amount, fraud, total, level: float) -> dict:
    """Return what the lowest threshold gives whose false positive rate is not above level; rows are ranked."""
    end = steps(raw)
    caught, wrong = np.cumsum(weight * fraud), np.cumsum(weight * ~fraud)
    allowed = end[wrong[end] <= level * total[1] * SLACK] if len(end) else end
    if len(allowed) == 0:
        none = float(np.nextafter(raw[0], np.inf)) if len(raw) else math.inf
        return point(level, none, (0.0, 0.0, 0.0), total)
    i = allowed[-1]
    return point(level, float(raw[i]), (caught[i], wrong[i], np.cumsum(weight * amount * fraud)[i]), total)


def point(level: float, threshold: float, found: tuple, total: tuple) -> dict:
    """Name the figures of an operating point."""
    caught, wrong, brl = found
    return {
        "fpr": level,
        "threshold_raw": threshold,
        "recall": ratio(caught, total[0]),
        "precision": ratio(caught, caught + wrong),
        "brl_recall": ratio(brl, total[2]),
        "alerts_per_100k": 100_000 * ratio(caught + wrong, total[0] + total[1]),
    }


def areas(s: Scores, order: np.ndarray, total: tuple) -> tuple[float, float]:
    """Return average precision and the area under the ROC curve."""
    end = steps(s.raw[order])
    caught = np.cumsum((s.weight * s.fraud)[order])[end]
    wrong = np.cumsum((s.weight * ~s.fraud)[order])[end]
    gained, lost = np.diff(caught, prepend=0.0), np.diff(wrong, prepend=0.0)
    precision = (gained * caught / np.where(caught + wrong > 0, caught + wrong, 1)).sum()
    return ratio(precision, total[0]), ratio(ratio((lost * (caught - gained / 2)).sum(), total[0]), total[1])


class Desk:
    """The payments of each day in an order, and how many a day brings in all."""

    def __init__(self, s: Scores, by: str):
        order = ranking(s, by)
        day = s.day[order]
        self.order, self.days = by, []
        for d in np.unique(day):
            ranked = order[day == d]
            self.days.append((s.weight[ranked].sum(), ranked))

    def shorten(self, s: Scores, budget: float) -> Desk:
        """Keep of each day what replicates of the bootstrap can reach."""
        out = object.__new__(Desk)
        out.order, out.days = self.order, []
        for payments, ranked in self.days:
            reach = 4 * (budget * payments / 100_000 + 2)
            count = int(np.searchsorted(np.cumsum(s.weight[ranked]), reach, side="right")) + 1
            out.days.append((payments, ranked[:count]))
        return out

    def work(self, s: Scores, budget: float, times: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that are taken and how much each counts; what a day leaves over is the next day's."""
        left, rows, counts = 0.0, [], []
        for payments, ranked in self.days:
            left += budget * payments / 100_000
            w = s.weight[ranked] if times is None else s.weight[ranked] * times[s.account[ranked]]
            sums = np.cumsum(w)
            over = np.flatnonzero(sums > left + 1e-9)
            count = over[0] if len(over) else len(ranked)
            left -= sums[count - 1] if count else 0.0
            rows.append(ranked[:count][w[:count] > 0])
            counts.append(w[:count][w[:count] > 0])
        return np.concatenate(rows), np.concatenate(counts)

    def spend(self, s: Scores, budget: float, total: tuple, times: np.ndarray | None = None) -> dict:
        """Return what a budget gives."""
        rows, w = self.work(s, budget, times)
        caught, brl = (w * s.fraud[rows]).sum(), (w * s.fraud[rows] * s.amount[rows]).sum()
        return {
            "alerts_per_100k": budget,
            "ranked_by": self.order,
            "alerts": float(w.sum()),
            "precision": ratio(caught, w.sum()),
            "recall": ratio(caught, total[0]),
            "detected_brl": float(brl),
            "brl_recall": ratio(brl, total[2]),
        }


def heaviest(keys: np.ndarray, weight: np.ndarray, fraud: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each key, its heaviest fraud or else its heaviest payment, and whether it has a fraud."""
    unique, number = np.unique(keys, return_inverse=True)
    any_fraud = np.zeros(len(unique), dtype=bool)
    np.logical_or.at(any_fraud, number, fraud)
    counted = fraud | ~any_fraud[number]
    w = np.zeros(len(unique))
    np.maximum.at(w, number[counted], weight[counted])
    return unique, w, any_fraud


def top_daily(s: Scores, k: int) -> dict:
    """Measure the precision among each day's most suspicious accounts, without those reported before the day."""
    day = s.day
    reported = np.full(int(s.account.max()) + 1, np.iinfo(np.int64).max)
    told = s.arrived != 0
    np.minimum.at(reported, s.account[told], (s.arrived[told] - 3 * scores.HOUR) // scores.DAY)
    kept = reported[s.account] >= day
    precision, caught, everyone, days = 0.0, 0.0, 0.0, 0
    for d in np.unique(day[kept]):
        rows = np.flatnonzero(kept & (day == d))
        accounts, w, fraud = heaviest(s.account[rows], s.weight[rows], s.fraud[rows])
        high = np.full(len(accounts), -np.inf)
        np.maximum.at(high, np.searchsorted(accounts, s.account[rows]), s.raw[rows])
        order = np.lexsort((accounts, -high))
        over = np.flatnonzero(np.cumsum(w[order]) > k + 1e-9)
        best = order[: over[0] if len(over) else len(order)]
        hit = w[best][fraud[best]].sum()
        precision += ratio(hit, w[best].sum())
        caught, everyone, days = caught + hit, everyone + w[fraud].sum(), days + 1
    return {"k": k, "precision": ratio(precision, days), "recall": ratio(caught, everyone), "days": days}


class Mules:
    """Receiving accounts from the highest score before their third incoming fraud down."""

    def __init__(self, s: Scores):
        order = np.lexsort((np.arange(len(s.at)), s.at))
        account = s.account[order]
        numbers, weight, mule = heaviest(s.account, s.weight, s.mule)
        by_account = np.argsort(account, kind="stable")
        sums = np.cumsum(s.mule[order][by_account].astype(int))
        start = np.searchsorted(account[by_account], numbers)
        before = np.where(start > 0, sums[start - 1], 0)
        seen = sums - np.repeat(before, np.diff(np.append(start, len(account))))
        raw = s.raw[order][by_account]
        early, ever = np.full(len(numbers), -np.inf), np.full(len(numbers), -np.inf)
        np.maximum.at(ever, account[by_account], raw)
        soon = seen <= MULE_FRAUDS
        np.maximum.at(early, account[by_account][soon], raw[soon])
        place = np.lexsort((numbers, -early))
        self.account, self.early, self.ever = numbers[place], early[place], ever[place]
        self.weight, self.mule = weight[place], mule[place]
        self.frauds = np.bincount(s.account[s.mule], minlength=int(s.account.max()) + 1)[self.account]
        self.legit = (s.raw[~s.fraud], s.weight[~s.fraud])

    def measure(self, times: np.ndarray | None = None) -> tuple[float, float, float]:
        """Return the threshold and the shares of mule accounts found before the third fraud, and ever."""
        w = self.weight if times is None else self.weight * times[self.account]
        mules, honest = w[self.mule].sum(), w[~self.mule].sum()
        end = steps(self.early)
        hit, wrong = np.cumsum(w * self.mule), np.cumsum(w * ~self.mule)
        allowed = end[wrong[end] <= MULE_FPR * honest * SLACK]
        threshold, early = float(np.nextafter(self.early[0], np.inf)), 0.0
        if len(allowed):
            threshold, early = float(self.early[allowed[-1]]), ratio(hit[allowed[-1]], mules)
        return threshold, early, ratio(w[self.mule & (self.ever >= threshold)].sum(), mules)

    def report(self, early: list[float]) -> dict:
        """Name the figures."""
        threshold, before, ever = self.measure()
        several = self.mule & (self.frauds > 1)
        raw, weight = self.legit
        return {
            "mules_with_one_fraud": int((self.mule & (self.frauds == 1)).sum()),
            "found_of_those_with_several": ratio(
                self.weight[several & (self.early >= threshold)].sum(), self.weight[several].sum()
            ),
            "payment_fpr": ratio(weight[raw >= threshold].sum(), weight.sum()),
            "account_fpr": MULE_FPR,
            "threshold_raw": threshold,
            "accounts": len(self.account),
            "mules": int(self.mule.sum()),
            "found_before_third_fraud": before,
            "found_before_third_fraud_interval": bootstrap.interval(early),
            "found_ever": ever,
        }


def groups(s: Scores, names: np.ndarray, among: np.ndarray, flagged: np.ndarray, taken: np.ndarray) -> list[dict]:
    """Return the figures of each name, in order of names."""
    out = []
    for name in np.unique(names[among]):
        rows = among & (names == name)
        w, brl = s.weight * rows, s.weight * s.amount * rows
        fraud = w[s.fraud].sum()
        out.append(
            {
                "name": str(name),
                "payments": float(w.sum()),
                "frauds": int((rows & s.fraud).sum()),
                "fraud_brl": float(brl[s.fraud].sum()),
                "fpr": ratio(w[~s.fraud & flagged].sum(), w[~s.fraud].sum()),
                "recall": ratio(w[s.fraud & flagged].sum(), fraud),
                "brl_recall": ratio(brl[s.fraud & flagged].sum(), brl[s.fraud].sum()),
                "budget_recall": ratio(w[s.fraud & taken].sum(), fraud),
            }
        )
    return out


def delay_names(s: Scores) -> np.ndarray:
    """Return the class of time between each payment and its report."""
    limits = np.array([1, 7, 30, 80]) * scores.DAY
    number = np.searchsorted(limits, s.arrived - s.at, side="left")
    return np.array(DELAYS)[np.where(s.arrived == 0, len(DELAYS) - 1, number)]


def calibrate(s: Scores) -> dict:
    """Compare probabilities with what happened."""
    number = np.clip(np.searchsorted(EDGES, s.probability, side="right") - 1, 0, len(EDGES) - 2)
    size = len(EDGES) - 1
    weight = np.bincount(number, s.weight, size)
    mean = np.bincount(number, s.weight * s.probability, size)
    fraud = np.bincount(number, s.weight * s.fraud, size)
    total = s.weight.sum()
    return {
        "brier": ratio((s.weight * (s.probability - s.fraud) ** 2).sum(), total),
        "ece": ratio(np.abs(mean - fraud).sum(), total),
        "expected": float(mean.sum()),
        "observed": float(fraud.sum()),
        "bins": [
            {
                "from": float(EDGES[i]),
                "to": float(EDGES[i + 1]),
                "payments": float(weight[i]),
                "mean_probability": ratio(mean[i], weight[i]),
                "fraud_share": ratio(fraud[i], weight[i]),
            }
            for i in range(size)
        ],
    }


def iso(micros: int) -> str:
    """Write a time in whole seconds."""
    return datetime.datetime.fromtimestamp(micros // 1_000_000, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def describe(s: Scores, total: tuple) -> dict:
    """Say what was measured."""
    return {
        "role": s.role,
        "model": s.model,
        "truth": s.truth,
        "from": iso(int(s.at.min())),
        "to": iso(int(s.at.max())),
        "days": len(np.unique(s.day)),
        "rows": len(s.raw),
        "rows_left_out": s.left_out,
        "frauds": int(s.fraud.sum()),
        "payments": float(total[0] + total[1]),
        "fraud_brl": float(total[2]),
        "fraud_per_100k": 100_000 * ratio(total[0], total[0] + total[1]),
    }


def report(s: Scores, budget: float = 50, top: int = 100, replicates: int = 200, seed: int = 1) -> dict:
    """Compute everything that pixctl evaluate computes."""
    total = totals(s.fraud, s.weight, s.amount)
    order = ranking(s, "score")
    ranked = [column[order] for column in (s.raw, s.weight, s.amount, s.fraud)]
    desks = [Desk(s, by) for by in ORDERS]
    out = describe(s, total)
    out["average_precision"], out["auc"] = areas(s, order, total)
    out["at_fpr"] = [at_fpr(*ranked, total, level) for level in FPR_LEVELS]
    out["at_budget"] = [d.spend(s, budget, total) for d in desks]
    out["at_budget"] += [d.spend(s, b, total) for d in desks for b in BUDGETS if b != budget]
    out["accounts"] = top_daily(s, top)
    flagged = s.raw >= at_fpr(*ranked, total, GROUP_FPR)["threshold_raw"]
    taken = np.zeros(len(s.raw), dtype=bool)
    taken[desks[0].work(s, budget)[0]] = True
    everything = np.ones(len(s.raw), dtype=bool)
    out["by_typology"] = groups(s, s.typology, s.fraud, flagged, taken)
    delays = groups(s, delay_names(s), s.fraud, flagged, taken)
    out["by_label_delay"] = sorted(delays, key=lambda g: DELAYS.index(g["name"]))
    out["look_alikes"] = groups(s, s.look_alike, s.look_alike != "", flagged, taken)
    out["by_age_band"] = groups(s, s.age_band, everything, flagged, taken)
    out["by_state"] = groups(s, s.state, everything, flagged, taken)
    out["calibration"] = calibrate(s)
    out["contributions"] = [{"feature": n, "mean_absolute": v} for n, v in s.shares[:TOP_SHARES]]
    resample(s, out, (order, total, desks), (budget, replicates, seed))
    return out


def resample(s: Scores, out: dict, ranked: tuple, settings: tuple) -> None:
    """Fill in the intervals."""
    order, total, desks = ranked
    budget, replicates, seed = settings
    wrong = np.cumsum((s.weight * ~s.fraud)[order])
    far = np.flatnonzero((wrong > 0.02 * total[1]) & (np.arange(len(order)) >= 10_000))
    head = order[: far[0] + 1] if len(far) else order
    legit = np.bincount(s.account[~s.fraud], s.weight[~s.fraud], int(s.account.max()) + 1)
    short = [d.shorten(s, budget) for d in desks]
    mules = Mules(s) if s.role == "receiver" else None
    points, budgets, early = [[] for _ in FPR_LEVELS], [[] for _ in desks], []
    for replicate in range(replicates):
        times = bootstrap.draw(len(legit), seed, replicate)
        w = s.weight[s.fraud] * times[s.account[s.fraud]]
        t = (w.sum(), (legit * times).sum(), (w * s.amount[s.fraud]).sum())
        w = s.weight[head] * times[s.account[head]]
        rows = head[w > 0]
        for i, level in enumerate(FPR_LEVELS):
            points[i].append(at_fpr(s.raw[rows], w[w > 0], s.amount[rows], s.fraud[rows], t, level))
        for i, d in enumerate(short):
            budgets[i].append(d.spend(s, budget, t, times))
        if mules:
            early.append(mules.measure(times)[1])
    for figures, drawn in zip(out["at_fpr"] + out["at_budget"], points + budgets, strict=False):
        for name in ("recall", "precision", "brl_recall"):
            figures[f"{name}_interval"] = bootstrap.interval([d[name] for d in drawn])
    if mules:
        out["mules"] = mules.report(early)
    out["drawn"] = [[d["brl_recall"] for d in drawn] for drawn in budgets]
    out["bootstrap"] = {"replicates": replicates, "seed": seed, "unit": f"{s.role} account"}


def beside(r: dict, other: dict) -> dict:
    """Compare R$ detected at the budget with another table's; each replicate counts the same accounts in both."""
    out = {"model": other["model"], "at_fpr": other["at_fpr"], "at_budget": other["at_budget"]}
    if "mules" in other:
        out["mules"] = other["mules"]
    out["brl_ratios"] = [
        {
            "ranked_by": order,
            "ratio": ratio(r["at_budget"][i]["detected_brl"], other["at_budget"][i]["detected_brl"]),
            "ratio_interval": bootstrap.interval(
                [ratio(a, b) for a, b in zip(r["drawn"][i], other["drawn"][i], strict=True)]
            ),
        }
        for i, order in enumerate(ORDERS)
    ]
    return out


def compare(a: argparse.Namespace) -> dict:
    """Measure the table in question and those beside it."""
    truth = scores.read_truth(a.truth) if a.truth else None
    window = scores.Window(a.since, a.until, a.known_at)
    tables = [scores.read(path, truth, window) for path in (a.scores, *a.beside)]
    for path, other in zip(a.beside, tables[1:], strict=True):
        if other.role != tables[0].role or other.ids != tables[0].ids:
            raise Refused(f"{path} holds other payments than {a.scores}, or in another order")
    reports = [report(s, a.budget, a.top, a.replicates, a.seed) for s in tables]
    mine = reports[0]
    if a.beside:
        mine["beside"] = [beside(mine, other) for other in reports[1:]]
    del mine["drawn"]
    return mine


def differences(mine: object, theirs: object, path: str = "", tolerance: float = 1e-9) -> list[str]:
    """List the places where two reports differ by more than the tolerance, absolute and relative."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        wrong = [f"{path}.{key}: only in one" for key in sorted(set(mine) ^ set(theirs))]
        return wrong + [
            d for key in mine if key in theirs for d in differences(mine[key], theirs[key], f"{path}.{key}", tolerance)
        ]
    if isinstance(mine, list) and isinstance(theirs, list):
        if len(mine) != len(theirs):
            return [f"{path}: {len(mine)} and {len(theirs)} entries"]
        return [
            d
            for i, (a, b) in enumerate(zip(mine, theirs, strict=True))
            for d in differences(a, b, f"{path}[{i}]", tolerance)
        ]
    if isinstance(mine, int | float) and isinstance(theirs, int | float):
        close = math.isclose(mine, theirs, rel_tol=tolerance, abs_tol=tolerance)
        return [] if close else [f"{path}: {mine!r} here, {theirs!r} there"]
    return [] if mine == theirs else [f"{path}: {mine!r} here, {theirs!r} there"]


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_models.evaluate", description=__doc__)
    p.add_argument("--scores", type=pathlib.Path, required=True, help="table of pixctl score")
    p.add_argument("--truth", type=pathlib.Path, help="truth.jsonl of pixctl simulate")
    p.add_argument("--beside", type=pathlib.Path, action="append", default=[], help="another table to compare with")
    p.add_argument("--from", dest="since", default="", help="leave out payments before this RFC 3339 time")
    p.add_argument("--to", dest="until", default="", help="leave out payments from this RFC 3339 time on")
    p.add_argument("--known-at", default="", help="take reports that arrived after this RFC 3339 time as unknown")
    p.add_argument("--budget", type=float, default=50, help="daily alert budget, alerts per 100,000 payments")
    p.add_argument("--top", type=int, default=100, help="accounts a day")
    p.add_argument("--replicates", type=int, default=200)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--against", type=pathlib.Path, help="report of pixctl evaluate -json to compare with")
    a = p.parse_args(sys.argv[1:] if argv is None else argv)
    try:
        mine = compare(a)
    except Refused as e:
        print(f"refused: {e}", file=sys.stderr)
        return 1
    if not a.against:
        print(json.dumps(mine, allow_nan=False))
        return 0
    wrong = differences(mine, json.loads(a.against.read_text(encoding="utf-8")))
    print("\n".join(wrong) if wrong else f"{a.scores.name}: Go and Python agree within 1e-9")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
