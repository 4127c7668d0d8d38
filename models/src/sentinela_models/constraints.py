"""Monotone constraints: where domain logic says which way a feature may move the score, and why.

A constraint keeps the model from learning an accident of the sample, such as fewer markers being worse, and keeps its
reasons defensible to a customer. Only features with a sign that holds for honest and dishonest payments alike are
listed; amounts, counts of payments and times of day are not, because large, busy and nocturnal are not suspicious by
themselves.
"""

from __future__ import annotations

UP, DOWN = 1, -1

MARKERS = "more fraud known of the payee never makes a payment safer"
AGE = "all else equal, an older account, key or relation is not more suspicious than a younger one"
CONTROL = "a sign that somebody else controls the device or the session never lowers suspicion"
FRESH = "a change of credentials or limits long ago is not more suspicious than a recent one"
PASSED_ON = "money reported as stolen that reached the payer before never makes its payments safer"
DEVICE = "more fraud known of the device never makes a payment from it safer"
TRUST = "a payee whom the customer registered or has paid before is not more suspicious for it"

# Feature: sign, reason. docs/model-card.md prints this table.
CONSTRAINTS: dict[str, tuple[int, str]] = {
    "dict_frauds_reported_3d": (UP, MARKERS),
    "dict_frauds_reported_30d": (UP, MARKERS),
    "dict_frauds_reported_6m": (UP, MARKERS),
    "dict_frauds_confirmed_30d": (UP, MARKERS),
    "dict_frauds_confirmed_6m": (UP, MARKERS),
    "dict_mule_markers": (UP, MARKERS),
    "dict_scammer_markers": (UP, MARKERS),
    "dict_reporters": (UP, MARKERS),
    "dict_open_infractions": (UP, MARKERS),
    "payee_account_age_days": (DOWN, AGE),
    "payee_key_age_days": (DOWN, AGE),
    "payee_key_owned_days": (DOWN, AGE),
    "device_age_hours": (DOWN, AGE),
    "device_remote_access": (UP, CONTROL),
    "device_emulator": (UP, CONTROL),
    "session_failed_logins": (UP, CONTROL),
    "password_reset_hours": (DOWN, FRESH),
    "limit_changed_hours": (DOWN, FRESH),
    "limit_changed_48h": (UP, FRESH),
    "credentials_changed_hours": (DOWN, FRESH),
    "pair_trusted": (DOWN, TRUST),
    "pair_count_30d": (DOWN, TRUST),
    "pair_age_days": (DOWN, TRUST),
    "pair_first_ever": (UP, TRUST),
    "dict_frauds_to_settlements_30d": (UP, MARKERS),
    "dict_long_application_frauds_90d": (UP, MARKERS),
    "dict_long_application_frauds_60m": (UP, MARKERS),
    "dict_long_fraud_sum_90d_brl": (UP, MARKERS),
    "dict_long_fraud_sum_60m_brl": (UP, MARKERS),
    "payee_fraud_marks_30d": (UP, MARKERS),
    "payee_fraud_marks_ever": (UP, MARKERS),
    "payee_fraud_share_7d": (UP, MARKERS),
    "payee_fraud_share_30d": (UP, MARKERS),
    "payer_fraud_marks_30d": (UP, PASSED_ON),
    "payer_fraud_marks_ever": (UP, PASSED_ON),
    "device_fraud_marks_30d": (UP, DEVICE),
    "device_fraud_marks_ever": (UP, DEVICE),
    "device_fraud_share_7d": (UP, DEVICE),
    "device_fraud_share_30d": (UP, DEVICE),
    "payee_seen_days": (DOWN, AGE),
    "device_seen_days": (DOWN, AGE),
    "device_first_ever": (UP, AGE),
}


def signs(features: list[str]) -> list[int]:
    """Return LightGBM's list: one sign for each feature, 0 where anything goes."""
    return [CONSTRAINTS.get(name, (0, ""))[0] for name in features]
