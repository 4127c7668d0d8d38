"""Messages and rows, either way, without Spark."""

import json
import pathlib

import pytest
from conftest import decision, label, token

from sentinela_lake import tables, wire

ROOT = pathlib.Path(__file__).parents[2]


def message(**changes) -> dict:
    """Return a tokenised payment in wire JSON with every kind of field."""
    party = {"accountToken": {"current": token("acct", 1), "previous": token("acct", 2)}}
    party |= {"ispb": "12345678", "accountType": "ACCOUNT_TYPE_CACC", "ageBand": "25-34", "balanceCentavos": "0"}
    out = {
        "endToEndId": "E12345678202611231430aB3dE5fG7hI",
        "eventTime": "2026-11-23T14:30:12.345Z",
        "receivedAt": "2026-11-23T14:30:12.400Z",
        "direction": "DIRECTION_OUTBOUND",
        "amountCentavos": "125000",
        "initiation": "INITIATION_DICT",
        "purpose": "PURPOSE_IPAY",
        "payer": party,
        "payee": {"ispb": "A1B2C3D4", "accountToken": {"current": token("acct", 3)}},
        "device": {"registered": False, "token": {"current": token("dev", 4)}},
        "session": {"duration": "72.500s", "failedLogins": "2"},
        "dict": {"settlements": {"d3": "5", "d30": "0"}, "watermark": "2026-11-23T06:00:00Z"},
        "samplingWeight": 0.25,
        "txidToken": {"current": token("chrg", 5)},
    }
    return out | changes


def read(m: dict) -> wire.Row:
    return wire.read(json.dumps(m).encode(), wire.SCHEMA, "json")


def test_a_message_comes_back_as_it_was():
    row = read(message())
    assert set(row) == set(tables.PAYMENT_COLUMNS)
    facts = json.loads(row["facts"])
    assert facts["session"] == {"duration_ms": 72500, "failed_logins": 2}
    assert facts["dict"]["settlements"] == {"d3": 5, "d30": 0}
    assert facts["device"] == {"registered": False}
    assert row["previous_tokens"]["payer_account"] == token("acct", 2)
    again = wire.payment(row)
    for m in (again, message()):  # times have as many digits as their writer likes
        m |= {name: m[name].replace("000Z", "Z") for name in ("eventTime", "receivedAt")}
    assert again == message()


def test_the_warehouse_and_the_wire_name_facts_alike():
    stored = json.loads((ROOT / "shared/warehouse/testdata/decision_full.json").read_text())
    facts = json.loads(stored["facts"])
    row = {name: stored.get(name) for name in tables.PAYMENT_COLUMNS}
    row |= {"event_time": decision(1)["event_time"], "received_at": None}
    written = wire.payment(row)
    parsed = wire.transaction()()
    wire.json_format.ParseDict(written, parsed)  # refuses what the wire does not know
    assert wire.facts(parsed) == facts
    assert written["payer"]["keyToken"] == {
        "current": stored["payer_key"],
        "previous": stored["previous_tokens"]["payer_key"],
    }


def test_proto_and_json_give_the_same_row():
    m = wire.transaction()()
    wire.json_format.Parse(json.dumps(message()), m)
    assert wire.read(m.SerializeToString(), None, "proto") == read(message())


@pytest.mark.parametrize(
    ("rule", "value", "schema", "encoding"),
    [
        ("empty", None, None, None),
        ("unknown_schema", b"{}", "pix.v1.Status", None),
        ("unknown_encoding", b"{}", None, "avro"),
        ("malformed", b"{", None, None),
        ("malformed", b"\xff\xff", None, "proto"),
        ("malformed", b"\xff\xff", None, "json"),
        ("malformed", b"[" * 100_000, None, "json"),
        ("end_to_end_id", b"{}", None, None),
    ],
)
def test_what_is_no_message_has_a_reason(rule, value, schema, encoding):
    with pytest.raises(wire.Bad, match=f"^{rule}$"):
        wire.read(value, schema, encoding)


CPF = "52998224725"


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("raw_identifier", {"txid": CPF}),
        ("raw_identifier", {"payer": {"document": CPF}}),
        ("raw_identifier", {"device": {"id": CPF}}),
        ("token", {"payer": {"ispb": "12345678", "accountToken": {"current": CPF}}}),
        ("token", {"txidToken": {"current": token("chrg", 1), "previous": CPF}}),
        ("age_band", {"payer": message()["payer"] | {"ageBand": CPF}}),
        ("state", {"payer": message()["payer"] | {"state": "Maria"}}),
        ("payer_ispb", {"payer": message()["payer"] | {"ispb": CPF}}),
        ("end_to_end_id", {"endToEndId": CPF}),
        ("amount_centavos", {"amountCentavos": "-1"}),
        ("direction", {"direction": 77}),
        ("event_time", {"eventTime": "0001-01-01T00:00:00Z"}),
        ("account_token", {"payee": {"ispb": "12345678"}}),
    ],
)
def test_a_record_that_breaks_a_rule_says_which_and_not_with_what(rule, changes):
    with pytest.raises(wire.Bad) as e:
        read(message(**changes))
    assert str(e.value) == rule


def test_a_field_that_this_release_does_not_know_stays_outside():
    row = read(message(nome=CPF, payer=message()["payer"] | {"cpf": CPF}))
    assert CPF not in repr(row)


def test_a_label_is_written_as_the_wire_has_it():
    written = wire.label(label(1, wire.datetime.timedelta(hours=1)))
    assert written["source"] == "LABEL_SOURCE_MED" and written["arrivedAt"] == "2026-03-10T13:00:01.000000Z"
    assert written["payerToken"] == token("acct", 1)
