"""The rules-only baseline: what the fraud desk of a sensible bank would run without a model.

Every rule is a sentence over the same feature vector that the models see, with points for how sure it makes an analyst.
The desk works through the payments with the most points first, the largest amount first among equals. Rules and points
were written before any figure was measured and are not fitted; only the probability of a number of points is, from the
reports known at training time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

Columns = Callable[[str], np.ndarray]  # values of a feature; comparisons with NaN are false


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule: what it says, its points, and on which payments it fires."""

    name: str
    points: int
    says: str
    when: Callable[[Columns], np.ndarray]


def _new_payee(f: Columns) -> np.ndarray:
    return (f("pair_count_30d") == 0) & ~(f("pair_trusted") == 1)


def _new_device(f: Columns) -> np.ndarray:
    return (f("device_age_hours") < 72) | (f("device_registered") == 0)


def _person(f: Columns) -> np.ndarray:
    return f("payee_company") == 0


RULES = (
    Rule("markers", 4, "DICT holds a mule or scammer marker against the payee",
         lambda f: (f("dict_mule_markers") >= 1) | (f("dict_scammer_markers") >= 1)),
    Rule("reported", 3, "two or more frauds reported against the payee's key in 30 days",
         lambda f: f("dict_frauds_reported_30d") >= 2),
    Rule("remote_access", 4, "a remote-access tool is active and the payee is new",
         lambda f: (f("device_remote_access") == 1) & _new_payee(f)),
    Rule("call", 3, "a call is in progress, the payee is new and the amount above R$ 1,000",
         lambda f: (f("device_call_active") == 1) & _new_payee(f) & (f("amount_brl") > 1000)),
    Rule("new_device", 3, "new or unregistered device, new payee, above R$ 500",
         lambda f: _new_device(f) & _new_payee(f) & (f("amount_brl") > 500)),
    Rule("limit_raised", 3, "limit raised in the last 48 hours and four fifths of it used",
         lambda f: (f("limit_changed_48h") == 1) & (f("day_sum_to_limit_24h") > 0.8)),
    Rule("password_reset", 3, "password reset in the last 24 hours and a new payee, above R$ 500",
         lambda f: (f("password_reset_hours") < 24) & _new_payee(f) & (f("amount_brl") > 500)),
    Rule("unusual_amount", 2, "ten times the customer's median, new payee, above R$ 1,000",
         lambda f: (f("amount_to_median_30d") >= 10) & _new_payee(f) & (f("amount_brl") > 1000)),
    Rule("drained", 2, "takes nine tenths of the balance to a new payee, above R$ 500",
         lambda f: (f("amount_to_balance") > 0.9) & _new_payee(f) & (f("amount_brl") > 500)),
    Rule("night", 2, "at night, new payee, three times the customer's median, above R$ 500",
         lambda f: (f("night") == 1) & _new_payee(f) & (f("amount_to_median_30d") >= 3) & (f("amount_brl") > 500)),
    Rule("burst", 2, "five payments to four payees in one hour",
         lambda f: (f("payer_out_count_1h") >= 4) & (f("payer_out_payees_1h") >= 3)),
    Rule("near_limit", 2, "three payments just below a limit in 24 hours",
         lambda f: f("payer_near_limit_count_24h") >= 3),
    Rule("young_key", 2, "the payee's key is younger than 7 days, new payee, above R$ 1,000",
         lambda f: (f("payee_key_age_days") < 7) & _new_payee(f) & (f("amount_brl") > 1000)),
    Rule("emulator", 2, "emulated or rooted device", lambda f: f("device_emulator") == 1),
    Rule("far_away", 2, "more than 100 km from the usual place, on a new device",
         lambda f: (f("session_distance_km") > 100) & _new_device(f)),
    Rule("young_mandate", 3, "first automatic charge by an initiator younger than 30 days",
         lambda f: (f("mandate_first_charge") == 1) & (f("initiator_age_days") < 30)),
    Rule("fan_in", 3, "five payers reach a person's account younger than 90 days in one hour",
         lambda f: (f("payee_in_payers_1h") >= 5) & _person(f) & (f("payee_account_age_days") < 90)),
    Rule("passed_on", 3, "a person's account passes nine tenths of its income of 24 hours on, within half an hour",
         lambda f: (f("payee_out_to_in_24h") > 0.9) & (f("payee_dwell_minutes") < 30) & _person(f)),
    Rule("emptied", 2, "a person's account younger than 90 days was emptied in the last 24 hours",
         lambda f: (f("payee_drained_24h") >= 0.95) & _person(f) & (f("payee_account_age_days") < 90)),
    Rule("awakened", 2, "a person's account dormant for 60 days receives more than R$ 1,000",
         lambda f: (f("payee_dormant_days") > 60) & _person(f) & (f("amount_brl") > 1000)),
)  # fmt: skip


def points(features: list[str], x: np.ndarray) -> np.ndarray:
    """Return the points of every row."""
    index = {name: i for i, name in enumerate(features)}
    total = np.zeros(len(x))
    with np.errstate(invalid="ignore"):
        for rule in RULES:
            total += rule.points * rule.when(lambda name: x[:, index[name]])
    return total


@dataclasses.dataclass(frozen=True)
class Odds:
    """How likely fraud is at a number of points, by the reports known when the models were trained."""

    edges: np.ndarray
    probability: np.ndarray

    def of(self, total: np.ndarray) -> np.ndarray:
        """Return probabilities."""
        return self.probability[np.searchsorted(self.edges, total, side="right") - 1]


EDGES = np.array([0, 1, 3, 5, 7, 9, 12])


def fit_odds(total: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Odds:
    """Take the share of fraud by class of points, smoothed by one payment at the base rate and made to rise."""
    number = np.searchsorted(EDGES, total, side="right") - 1
    base = (weight * label).sum() / weight.sum()
    fraud = np.bincount(number, weight * label, len(EDGES)) + base
    share = fraud / (np.bincount(number, weight, len(EDGES)) + 1)
    return Odds(EDGES, np.maximum.accumulate(share))
