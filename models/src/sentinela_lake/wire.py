"""pix.v1 messages and the lake's rows, either way. Pure functions, one message at a time.

The mapping follows from the wire format's own descriptor (contract/pix.v1.binpb): a fact keeps its name, an enum loses
the prefix that proto style asks for. So a new fact needs no line here. Only what was recognised comes into a row: a
field that this release does not know might hold anything, a raw identifier too.
"""

from __future__ import annotations

import datetime
import functools
import json
import re
from typing import Any

from google.protobuf import descriptor, descriptor_pb2, descriptor_pool, json_format, message, message_factory

from sentinela_lake import tables

Row = dict[str, Any]
SCHEMA = "pix.v1.Transaction"
ID = re.compile(r"E[0-9A-Z]{8}[0-9]{12}[0-9A-Za-z]{11}")
ISPB = re.compile(r"[0-9A-Z]{8}")
# The grammar of shared/pix/token.go; 22 characters hold 16 bytes, so the last one is one of four.
TOKEN = re.compile(r"(acct|ownr|pkey|dev|chrg)\.[1-9][0-9]{0,5}\.[0-9A-Za-z_-]{21}[AQgw]")
TEXTS = {
    "age_band": re.compile(r"([0-9]{1,3}-[0-9]{1,3}|[0-9]{1,3}\+)"),
    "state": re.compile(r"[A-Z]{2}"),
}
RAW = {"document", "branch", "account", "key", "name", "id", "txid"}
SIDES = ("payer", "payee")
TOKENS = ("account", "owner", "key")
NOT_FACTS = {"account_token", "owner_token", "key_token", "token", "ispb"}
GROUPS = ("payer", "payee", "device", "session", "dict", "mandate")
SCALARS = ("purpose", "priority", "service_level", "sampling_weight")
UTC = datetime.UTC
# First and last event time that is taken: Spark's and pandas' clocks reach further, a payment's does not.
EARLIEST, LATEST = datetime.datetime(2000, 1, 1, tzinfo=UTC), datetime.datetime(2100, 1, 1, tzinfo=UTC)


class Bad(Exception):  # noqa: N818 - the name of a broken rule
    """A record that breaks a rule. Its text is the rule's name and never a value."""


@functools.cache
def transaction() -> type[message.Message]:
    """Return the message class of a payment."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(tables.packaged("pix.v1.binpb")).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(SCHEMA))


def read(value: bytes | None, schema: str | None, encoding: str | None) -> Row:
    """Read a record of the tokenised topic: its value, and two of its headers. Raises Bad."""
    if not value:
        raise Bad("empty")
    if schema not in (None, SCHEMA):
        raise Bad("unknown_schema")
    if encoding not in (None, "json", "proto"):
        raise Bad("unknown_encoding")
    m = transaction()()
    try:
        if encoding == "proto":
            m.ParseFromString(value)
        else:
            json_format.Parse(value, m, ignore_unknown_fields=True, descriptor_pool=m.DESCRIPTOR.file.pool)
    except (message.DecodeError, json_format.ParseError, ValueError, RecursionError):
        raise Bad("malformed") from None
    return row(m)


def row(m: message.Message) -> Row:
    """Return the row of a payment in the columns of tables.payment."""
    refuse_raw(m)
    out: Row = {
        "end_to_end_id": matching(m.end_to_end_id, ID, "end_to_end_id"),
        "event_time": moment(m, "event_time"),
        "received_at": moment(m, "received_at") if m.HasField("received_at") else None,
        "direction": code(m, m.DESCRIPTOR.fields_by_name["direction"]),
        "amount_centavos": m.amount_centavos,
        "initiation": code(m, m.DESCRIPTOR.fields_by_name["initiation"]),
        "facts": json.dumps(facts(m), separators=(",", ":")),
    }
    if out["direction"] is None:
        raise Bad("direction")
    if out["amount_centavos"] <= 0:
        raise Bad("amount_centavos")
    for side in SIDES:
        out[f"{side}_ispb"] = matching(getattr(m, side).ispb, ISPB, f"{side}_ispb")
    pairs = token_pairs(m)
    out |= {name: current for name, (current, _) in pairs.items()}
    previous = {("tx_id" if name == "tx_id_token" else name): old for name, (_, old) in pairs.items()}
    out["previous_tokens"] = previous if any(previous.values()) else None
    if not (out["payer_account"] and out["payee_account"]):
        raise Bad("account_token")
    return out


def refuse_raw(m: message.Message) -> None:
    """Refuse raw identifiers: nothing of such a record is kept."""
    for part in (m, m.payer, m.payee, m.device):
        if any(f.name in RAW for f, _ in part.ListFields() if f.type == f.TYPE_STRING):
            raise Bad("raw_identifier")


def token_pairs(m: message.Message) -> dict[str, tuple[str | None, str | None]]:
    """Return current and previous token of each entity, by column."""
    found = {f"{side}_{kind}": getattr(getattr(m, side), f"{kind}_token") for side in SIDES for kind in TOKENS}
    found |= {"device": m.device.token, "tx_id_token": m.txid_token}
    return {name: (token(pair.current), token(pair.previous)) for name, pair in found.items()}


def token(text: str) -> str | None:
    """Return a token; nothing else passes for one."""
    return matching(text, TOKEN, "token") if text else None


def matching(text: str, form: re.Pattern[str], rule: str) -> str:
    """Return a text of that form."""
    if not form.fullmatch(text):
        raise Bad(rule)
    return text


def moment(m: message.Message, name: str) -> datetime.datetime:
    """Return a time, cut to microseconds."""
    stamp = getattr(m, name)
    try:
        at = stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Bad(name) from None
    if not EARLIEST <= at < LATEST:
        raise Bad(name)
    return at


def facts(m: message.Message) -> Row:
    """Return what identifies nobody, as the warehouse's `facts` holds it: absent when unknown."""
    out = {name: v for name in SCALARS if (v := value(m, m.DESCRIPTOR.fields_by_name[name])) is not None}
    for name in GROUPS:
        if m.HasField(name) and (inner := group(getattr(m, name))):
            out[name] = inner
    return out


def group(m: message.Message) -> Row:
    """Return the known facts of one part of a message."""
    out = {}
    for f, _ in m.ListFields():
        if f.name in NOT_FACTS:
            continue
        if f.name == "duration":
            out["duration_ms"] = m.duration.ToMilliseconds()
        elif (v := value(m, f)) is not None:
            out[f.name] = v
    return out


def value(m: message.Message, f: descriptor.FieldDescriptor) -> Any:
    """Return one fact, None when it is absent."""
    present = m.HasField(f.name) if f.has_presence else getattr(m, f.name) != f.default_value
    if not present:
        return None
    v = getattr(m, f.name)
    if f.type == f.TYPE_ENUM:
        return code(m, f)
    if f.type == f.TYPE_MESSAGE:
        return v.ToJsonString() if f.message_type.full_name.startswith("google.") else group(v) or None
    return matching(v, TEXTS[f.name], f.name) if f.type == f.TYPE_STRING else v


def code(m: message.Message, f: descriptor.FieldDescriptor) -> str | None:
    """Return an enum's value without its prefix, None when absent or not known to this release."""
    known = f.enum_type.values_by_number.get(getattr(m, f.name))
    return known.name[len(prefix(f)) :] if known is not None and known.number else None


def prefix(f: descriptor.FieldDescriptor) -> str:
    """Return what proto style puts before the values of an enum."""
    return f.enum_type.values_by_number[0].name.removesuffix("UNSPECIFIED")


def payment(r: Row) -> Row:
    """Write a row as proto3 JSON, tokenised: what `pixctl vectors` and every other reader of the wire takes."""
    known = json.loads(r["facts"] or "{}")
    top = transaction().DESCRIPTOR.fields_by_name
    out: Row = {"endToEndId": r["end_to_end_id"], "eventTime": rfc3339(r["event_time"])}
    if r["received_at"] is not None:
        out["receivedAt"] = rfc3339(r["received_at"])
    for name in ("direction", "initiation"):
        if r[name]:
            out[name] = prefix(top[name]) + r[name]
    out["amountCentavos"] = str(r["amount_centavos"])
    for name, v in known.items():
        out[top[name].json_name] = written(top[name], v)
    previous = r["previous_tokens"] or {}
    for side in SIDES:
        party = out.setdefault(side, {})
        party["ispb"] = r[f"{side}_ispb"]
        pairs = {f"{kind}Token": pair(r[f"{side}_{kind}"], previous.get(f"{side}_{kind}")) for kind in TOKENS}
        party |= {name: p for name, p in pairs.items() if p}
    if device := pair(r["device"], previous.get("device")):
        out.setdefault("device", {})["token"] = device
    if charge := pair(r["tx_id_token"], previous.get("tx_id")):
        out["txidToken"] = charge
    return out


def pair(current: str | None, previous: str | None) -> Row:
    """Write the tokens of one entity, nothing when there are none."""
    return {name: v for name, v in (("current", current), ("previous", previous)) if v}


def written(f: descriptor.FieldDescriptor, v: Any) -> Any:
    """Write one fact as proto3 JSON."""
    if f.type == f.TYPE_ENUM:
        return prefix(f) + v
    if f.type == f.TYPE_MESSAGE and not f.message_type.full_name.startswith("google."):
        inner = f.message_type.fields_by_name
        out = {}
        for name, part in v.items():
            if name == "duration_ms":
                out["duration"] = f"{part // 1000}.{part % 1000:03d}s"
            else:
                out[inner[name].json_name] = written(inner[name], part)
        return out
    return str(v) if f.type == f.TYPE_INT64 else v


def label(r: Row) -> Row:
    """Write a label as proto3 JSON."""
    out = {
        "endToEndId": r["end_to_end_id"],
        "eventTime": rfc3339(r["event_time"]),
        "arrivedAt": rfc3339(r["arrived_at"]),
        "fraud": r["fraud"],
        "typology": r["typology"],
        "source": f"LABEL_SOURCE_{r['source']}",
        "amountCentavos": None if r["amount_centavos"] is None else str(r["amount_centavos"]),
        "payerToken": r["payer_account"],
        "payeeToken": r["payee_account"],
    }
    return {name: v for name, v in out.items() if v is not None}


def weight(r: Row) -> Row:
    """Write how many payments a simulated one stands for, as truth.jsonl of `pixctl simulate` does."""
    return {"end_to_end_id": r["end_to_end_id"], "weight": json.loads(r["facts"])["sampling_weight"]}


def rfc3339(at: datetime.datetime) -> str:
    """Write a time in UTC. One without a zone is in the machine's own, as Spark returns it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
