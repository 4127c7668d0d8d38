"""What docs/openapi.yaml cannot say of a payment, for the requests that schemathesis makes up from it.

A schema says what each field looks like. That an id's minute is near the event time, that a document has check
digits, or that a charge has an id only where there is a charge, it cannot say; and what the service refuses for such
a reason would prove nothing. So those fields are put right in requests that are meant to be valid. Requests that are
meant to be wrong are sent as they are.
"""

from __future__ import annotations

import datetime
import itertools
import os
import pathlib
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

PAST = "2024-05-06T07:08:09Z"
KEY = "123e4567-e89b-42d3-a456-426614174000"
CPF = "111.444.777-35"
UNKNOWN = "x-schemathesis-unknown-property"
TIMES = ("At", "Since", "watermark")

numbers = itertools.count()

packed = st.just(pathlib.Path(os.environ["PAYMENT_PB"]).read_bytes())
for media in ("application/x-protobuf", "application/protobuf"):
    schemathesis.openapi.media_type(media, packed)
    schemathesis.deserializer(media)(lambda _, response: response.content)


def past(node: Any) -> None:
    """Move every time in a message, at any depth, to one that a fact can have."""
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if isinstance(value, dict):
            past(value)
        elif value is not None and name.endswith(TIMES):
            node[name] = PAST


def settle_party(party: dict[str, Any]) -> None:
    """Give a side of a payment an account, a document and a key that belong together."""
    party["account"] = "7654321-0"
    for name in ("person", "keyKind", "accountType"):
        party.pop(name, None)
    for name, value in (("document", CPF), ("key", KEY)):
        if party.get(name):
            party[name] = value


def settle(payment: dict[str, Any]) -> None:
    """Make of a payment that looks right one that is."""
    now = datetime.datetime.now(datetime.UTC)
    past(payment)
    payment["endToEndId"] = f"E12345678{now:%Y%m%d%H%M}{next(numbers):011d}"
    payment["eventTime"] = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    payment.pop("receivedAt", None)
    payment.pop("txid", None)
    for side in ("payer", "payee"):
        settle_party(payment[side])


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leave out requests that are wrong only for a header or a parameter that nobody knows: HTTP is to pass those on."""
    return not any(name.lower() == UNKNOWN for part in (case.headers, case.query) for name in part or ())


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Settle a request whose every part is meant to be valid."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE:
        return
    if isinstance(case.body, dict) and {"payer", "payee"} <= case.body.keys():
        settle(case.body)
    path = case.path_parameters or {}
    if "endToEndId" in path:  # a day that every month has
        path["endToEndId"] = path["endToEndId"][:15] + "01" + path["endToEndId"][17:]
