"""The tokenised topic through a real broker: rows = records whatever happens, and nothing raw anywhere."""

import json
import pathlib

import pytest
from conftest import decision, payment_id
from test_wire import CPF, message

from sentinela_lake import bronze, silver, tables, wire
from sentinela_models.errors import Refused

JSON = {"schema": wire.SCHEMA, "encoding": "json"}


def record(n: int, **changes) -> tuple[str, bytes, dict[str, str]]:
    return payment_id(n), json.dumps(message(endToEndId=payment_id(n)) | changes).encode(), JSON


def kill_between(monkeypatch, at: str, batch: int) -> None:
    """Let the process die in one batch: before its first write, between the two, or after both."""
    real, calls = bronze.append, []

    def dying(rows, path, once):
        if once["txnVersion"] == str(batch):
            calls.append(path)
        if once["txnVersion"] == str(batch) and at == ("first", "second")[len(calls) - 1]:
            raise RuntimeError("killed")
        real(rows, path, once)
        if once["txnVersion"] == str(batch) and at == "after" and len(calls) == 2:
            raise RuntimeError("killed")

    monkeypatch.setattr(bronze, "append", dying)


def test_rows_are_records_through_restarts_in_mid_stream(bench, broker, monkeypatch):
    topic, sent = "pix.restarts", 0
    for round_, at in enumerate(("first", "second", "after")):
        broker.send(bench.lake.spark, topic, [record(n) for n in range(sent, sent + 40)] + [("k", b"{", JSON)] * 2)
        sent += 40
        with monkeypatch.context() as m:
            kill_between(m, at, batch=2 * round_)
            with pytest.raises(Refused):
                bronze.topic(bench.lake, broker.address, topic, max_records=30)
    bronze.topic(bench.lake, broker.address, topic, max_records=30)
    rows = bench.lake.read("bronze/transactions").select("partition", "offset", "end_to_end_id").collect()
    bad = bench.lake.read("quarantine/records").select("partition", "offset").collect()
    assert sorted(r["end_to_end_id"] for r in rows) == [payment_id(n) for n in range(sent)]
    places = [(r["partition"], r["offset"]) for r in [*rows, *bad]]
    assert len(places) == len(set(places)) == sent + 6
    for partition in {p for p, _ in places}:
        assert sorted(o for p, o in places if p == partition) == list(range(sum(p == partition for p, _ in places)))


def test_silver_has_one_row_per_payment_and_nothing_raw_is_anywhere(bench, broker):
    topic = tables.TOPIC
    raw = message(endToEndId=payment_id(7)) | {"payer": {"document": CPF}}
    records = [
        record(1),
        record(1, amountCentavos="7"),
        record(2, nome=CPF),
        (CPF, CPF.encode(), JSON),
        (payment_id(7), json.dumps(raw).encode(), JSON),
        (CPF, record(3)[1], JSON),
        ("k", record(4)[1], {"schema": "pix.v1.Status"}),
        (payment_id(5), None, {}),
    ]
    for r in records:
        broker.send(bench.lake.spark, topic, [r])
    bronze.topic(bench.lake, broker.address, topic)
    silver.run(bench.lake)
    assert bench.rows("silver/transactions", "end_to_end_id", "amount_centavos") == [
        (payment_id(1), 125000),
        (payment_id(2), 125000),
    ]
    reasons = [r for (r,) in bench.rows("quarantine/records", "reason")]
    assert reasons == ["empty", "key", "malformed", "raw_identifier", "unknown_schema"]
    files = [f for f in pathlib.Path(bench.root).rglob("*") if f.is_file()]
    assert files and not [f for f in files if CPF.encode() in f.read_bytes()]
    columns = bench.lake.read("quarantine/records").first().asDict()
    assert columns["topic"] == topic and columns["offset"] is not None


def test_the_stream_has_the_columns_of_decisions(bench, broker):
    row = wire.payment(decision(1) | {"previous_tokens": None, "payer_key": None, "payee_key": None, "device": None,
                                      "tx_id_token": None})  # fmt: skip
    broker.send(bench.lake.spark, "pix.columns", [(payment_id(1), json.dumps(row).encode(), {})])
    bronze.topic(bench.lake, broker.address, "pix.columns")
    got = bench.lake.read("bronze/transactions").first().asDict(recursive=True)
    for name in ("end_to_end_id", "direction", "amount_centavos", "payer_account", "payee_ispb"):
        assert got[name] == decision(1)[name]
    assert json.loads(got["facts"]) == json.loads(decision(1)["facts"])
