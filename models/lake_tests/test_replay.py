"""Vectors computed again from silver are those that were served, in a simulated world and through the real pixctl."""

import base64
import datetime
import hashlib
import json
import math
import pathlib
import subprocess

import pyarrow.parquet as pq
import pytest
from conftest import decision

from sentinela_lake import replay, tables, wire
from sentinela_models import vectors
from sentinela_models.errors import Refused

PIXCTL = pathlib.Path(__file__).parents[2] / "build/pixctl"
pytestmark = pytest.mark.skipif(not PIXCTL.exists(), reason="there is no build/pixctl: make pixctl")
RAW_PARTY = ("document", "branch", "account", "key", "name")
PREFIXES = {"direction": "DIRECTION_", "initiation": "INITIATION_"}


def token(kind: str, *raw: str) -> dict[str, str]:
    """Stand in for the first hop: one token for one identifier, which is all that a feature asks of it."""
    digest = hashlib.sha256("\0".join((kind, *raw)).encode()).digest()[:16]
    return {"current": f"{kind}.1.{base64.urlsafe_b64encode(digest).decode()[:22]}"}


def tokenised(event: dict) -> dict:
    """Return a simulated payment as the bridge passes it on."""
    out = dict(event)
    for side in wire.SIDES:
        party = dict(out[side])
        raw = {name: party.pop(name, "") for name in RAW_PARTY}
        party["accountToken"] = token("acct", party["ispb"], raw["branch"], raw["account"])
        party["ownerToken"] = token("ownr", raw["document"])
        if raw["key"]:
            party["keyToken"] = token("pkey", raw["key"])
        out[side] = party
    if "id" in out.get("device", {}):
        out["device"] = {k: v for k, v in out["device"].items() if k != "id"} | {
            "token": token("dev", event["device"]["id"])
        }
    if charge := out.pop("txid", None):
        out["txidToken"] = token("chrg", charge)
    return out


def run(*args: str) -> None:
    subprocess.run([PIXCTL, *args], check=True, capture_output=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> pathlib.Path:
    """Simulate a world and serve it: the replay of its raw events stands for what was served."""
    root = tmp_path_factory.mktemp("world")
    run("simulate", "-accounts", "300", "-days", "4", "-seed", "5", "-fraud-boost", "60", "-out", str(root))
    files = {name: str(root / f"{name}.jsonl") for name in ("events", "labels", "statuses")}
    served = ["-events", files["events"], "-labels", files["labels"], "-statuses", files["statuses"]]
    run("vectors", *served, "-weights", str(root / "truth.jsonl"), "-out", str(root / "served.parquet"))
    return root


def lines(path: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def decided(event: dict, vector: dict) -> dict:
    """Return the row of `decisions` of a simulated payment, by the message that the lake itself reads."""
    m = wire.transaction()()
    wire.json_format.ParseDict(tokenised(event), m)
    values = [None if math.isnan(v) else v for v in (vector[name] for name in tables.features().features)]
    row = wire.row(m)
    return decision(0) | row | {"decided_at": row["received_at"] or row["event_time"], "vector": json.dumps(values)}


def labelled(event: dict) -> dict:
    """Return the row of `labels` of a simulated label."""
    pool = wire.transaction().DESCRIPTOR.file.pool
    m = wire.message_factory.GetMessageClass(pool.FindMessageTypeByName("pix.v1.Label"))()
    wire.json_format.ParseDict(event, m)
    return {
        "end_to_end_id": m.end_to_end_id,
        "event_time": wire.moment(m, "event_time"),
        "arrived_at": wire.moment(m, "arrived_at"),
        "fraud": m.fraud,
        "typology": m.typology or None,
        "source": wire.code(m, m.DESCRIPTOR.fields_by_name["source"]),
        "amount_centavos": m.amount_centavos,
        "written_at": wire.moment(m, "arrived_at"),
    }


def test_replayed_vectors_are_the_served_ones_bit_for_bit(bench, world):
    served = {r["end_to_end_id"]: r for r in pq.read_table(world / "served.parquet").to_pylist()}
    events, labels = lines(world / "events.jsonl"), lines(world / "labels.jsonl")
    bench.export("decisions", [decided(e, served[e["endToEndId"]]) for e in events])
    bench.export("labels", [labelled(e) for e in labels])
    bench.settle()
    assert bench.lake.read("quarantine/records").count() == 0
    out = bench.root / "replay"
    assert replay.write(bench.lake, out) == (len(events), len(labels))
    replayed = replay.run(PIXCTL, out, world / "statuses.jsonl")
    gold = bench.gold(datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC))  # when every label had arrived
    assert pq.read_schema(replayed).names == pq.read_schema(gold).names
    assert replay.compare(gold, replayed) == replay.Comparison(len(events), len(events), {})
    for name in ("label", "label_arrived_at", "typology", "direction", "split_weight", "payer_state", "payee_age_band"):
        a, b = (dict(zip(t["end_to_end_id"].to_pylist(), t[name].to_pylist(), strict=True))
                for t in (pq.read_table(gold), pq.read_table(replayed)))  # fmt: skip
        assert a == b, name
    # without statuses, which no export holds, only features over statuses differ
    alone = replay.compare(gold, replay.run(PIXCTL, out))
    assert alone.differing and all(any(w in n for w in replay.STATUS_WORDS) for n in alone.differing)
    assert vectors.read_vectors(replayed, "payer", tables.features()).features == tables.features().features


def test_a_difference_is_found(bench, tmp_path):
    bench.export("decisions", [decision(n) for n in range(3)])
    bench.settle()
    before = bench.gold()
    table = pq.read_table(before)
    name = tables.features().features[5]
    place = table.schema.get_field_index(name)
    changed = table.set_column(place, name, [[91.0, 92.0, None]])
    pq.write_table(changed, tmp_path / "changed.parquet")
    found = replay.compare(before, tmp_path / "changed.parquet")
    assert (found.both, found.equal, found.differing) == (3, 0, {name: 3})
    assert f"{name} in 3" in replay.tell(found)


def test_what_pixctl_refuses_stops_the_run(tmp_path):
    (tmp_path / "events.jsonl").write_text("{bad\n")
    with pytest.raises(Refused, match="pixctl vectors refused"):
        replay.run(PIXCTL, tmp_path)
