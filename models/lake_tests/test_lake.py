"""Bronze, silver and gold over exports: what must hold whatever arrives, when and how often."""

import datetime
import hashlib
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import CUT, NOON, another, decision, label, payment_id

from sentinela_lake import bronze, cli, expectations, gold, silver, tables
from sentinela_mlops import evidence
from sentinela_models import vectors
from sentinela_models.errors import Refused

HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)


def digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_one_row_per_payment_and_the_first_decided_wins_whatever_arrives_when(bench, spark, tmp_path):
    first, second, again = decision(1), decision(1, outcome="REJECT"), decision(1)
    second["decided_at"] += HOUR
    second["written_at"] -= DAY  # when a row was written says nothing of which was decided first
    again["written_at"] += DAY
    bench.export("decisions", [second, decision(2)])
    bench.settle()
    assert bench.rows("silver/decisions", "end_to_end_id", "outcome")[0] == (payment_id(1), "REJECT")
    bench.export("decisions", [first, again])
    bench.export("decisions", [again, decision(2)])
    bench.settle()
    want = [(payment_id(1), "APPROVE", first["written_at"].replace(tzinfo=None))]
    got = bench.lake.read("silver/decisions").where("end_to_end_id like '%1'")
    assert [tuple(r) for r in got.select("end_to_end_id", "outcome", "written_at").collect()] == want
    assert bench.lake.read("bronze/decisions").count() == 6  # all as received
    assert bench.lake.read("silver/decisions").count() == 2
    # in other batches, the same
    rebuilt = another(spark, tmp_path, "rebuilt", bench.exports)
    rebuilt.settle()
    columns = tables.exported("decisions").fieldNames()
    assert rebuilt.rows("silver/decisions", *columns) == bench.rows("silver/decisions", *columns)


def test_a_row_older_than_the_watermark_is_kept_counted_and_not_doubled(bench):
    bench.export("decisions", [decision(1), decision(2, at=NOON + 20 * DAY)])
    bench.settle()
    late = decision(3, at=NOON - 30 * DAY)
    bench.export("decisions", [late, decision(1, written_at=NOON + 20 * DAY)])
    bronze.exports(bench.lake)
    counts = silver.run(bench.lake)["decisions"]
    assert counts.late == 2
    assert len(bench.rows("silver/decisions", "end_to_end_id")) == 3


def test_a_run_without_news_changes_nothing(bench):
    bench.export("decisions", [decision(1)])
    bench.settle()
    assert bronze.exports(bench.lake) == {"decisions": 0}
    assert silver.run(bench.lake)["decisions"].rows == 0
    assert bench.lake.read("bronze/decisions").count() == 1


def test_a_batch_that_is_written_again_is_taken_once(bench):
    bench.export("decisions", [decision(n) for n in range(4)] + [decision(9, amount_centavos=0)])
    bench.settle()
    for commit in sorted((bench.root / "checkpoints/silver/decisions/commits").glob("[0-9]*")):
        commit.unlink()  # as if the process had died before it noted that the batch was done
    for crc in (bench.root / "checkpoints/silver/decisions/commits").glob(".*crc"):
        crc.unlink()
    bench.settle()
    assert bench.lake.read("silver/decisions").count() == 4
    assert bench.lake.read("quarantine/records").count() == 1


@pytest.mark.parametrize("seed", [1])
def test_gold_is_the_vector_as_served_in_the_layout_of_pixctl_vectors(bench, seed):
    bench.export("decisions", [decision(n) for n in range(6)])
    bench.export("labels", [label(1, HOUR), label(2, HOUR, fraud=False, typology=None)])
    bench.settle()
    out = bench.gold()
    schema = pq.read_schema(out)
    assert vectors.check_schema(schema, tables.features()) == tables.features().features
    read = vectors.read_vectors(out, "payer", tables.features())
    assert list(read.ids) == [payment_id(n) for n in (0, 2, 3, 5)]
    table = pq.read_table(out).to_pylist()
    for n, row in enumerate(table):
        served = [float("nan") if v is None else v for v in json.loads(decision(n)["vector"])]
        got = [row[name] for name in tables.features().features]
        assert pa.array(got).equals(pa.array(served)) or repr(got) == repr(served)
        assert row["split_weight"] == (0.25 if n % 2 else 1.0)
        assert (row["payer_age_band"], row["payer_state"], row["payee_state"]) == ("25-34", "SP", "")
    assert [r["label"] for r in table] == [0, 1, 0, 0, 0, 0]
    assert [r["label_arrived_at"] is not None for r in table] == [False, True, True, False, False, False]
    assert table[1]["typology"] == "mule_receipt"


def test_a_full_rebuild_gives_the_same_gold_bit_for_bit(bench, spark, tmp_path):
    for part in range(3):
        bench.export("decisions", [decision(n) for n in range(part * 10, part * 10 + 15)])
        bench.export("labels", [label(part * 10, HOUR), label(part * 10, 2 * HOUR, fraud=False, typology=None)])
        bench.settle()
    bench.gold(CUT - 3 * DAY, "earlier.parquet")
    rebuilt = another(spark, tmp_path, "rebuilt", bench.exports)
    rebuilt.settle()
    assert digest(rebuilt.gold()) == digest(bench.gold())
    assert digest(bench.gold()) == digest(bench.root / "gold.parquet")
    assert bench.lake.read("gold/vectors").select("as_of").distinct().count() == 2  # a cut replaces its own rows only


def test_a_label_counts_from_its_arrival_and_a_later_correction_does_not_leak(bench):
    bench.export("decisions", [decision(1), decision(2), decision(4)])
    corrected = label(1, 3 * DAY, fraud=False, typology=None, source="DESK")
    bench.export("labels", [corrected, label(1, DAY), label(2, 5 * DAY), label(4, 0 * DAY)])
    bench.settle()

    def labels(after: datetime.timedelta) -> list[tuple]:
        out = pq.read_table(bench.gold(NOON + after + datetime.timedelta(seconds=10))).to_pylist()
        return [(r["label"], r["label_arrived_at"]) for r in out]

    def micros(n: int, after: datetime.timedelta) -> int:
        return gold.micros(NOON + datetime.timedelta(seconds=n) + after)

    assert labels(0 * DAY) == [(0, None), (0, None), (1, micros(4, 0 * DAY))]
    assert labels(2 * DAY) == [(1, micros(1, DAY)), (0, None), (1, micros(4, 0 * DAY))]
    assert labels(4 * DAY) == [(0, micros(1, 3 * DAY)), (0, None), (1, micros(4, 0 * DAY))]
    assert labels(6 * DAY) == [(0, micros(1, 3 * DAY)), (1, micros(2, 5 * DAY)), (1, micros(4, 0 * DAY))]


def known(bench, cut: datetime.datetime) -> dict[str, bool]:
    return {r["end_to_end_id"]: r["fraud"] for r in gold.known_labels(bench.lake, cut).collect()}


def test_of_labels_that_arrived_together_the_greater_id_wins_from_that_moment_on(bench):
    payments = range(1, 9)  # so many that an order which comes by chance is not right in all
    arrival = NOON + DAY
    bench.export("decisions", [decision(1)])
    for fraud in (True, False):
        bench.export("labels", [label(n, DAY, fraud=fraud, typology=None, arrived_at=arrival) for n in payments])
    bench.settle()
    said = bench.rows("silver/labels", "end_to_end_id", "label_id", "fraud")
    want = {i: fraud for i, _, fraud in said}  # in order: the greatest id of a payment comes last
    assert len(said) == 2 * len(payments) and set(want.values()) == {True, False}
    assert known(bench, arrival) == want
    assert known(bench, arrival - datetime.timedelta(microseconds=1)) == {}


def test_a_payment_after_the_cut_is_not_there_yet_and_stops_nothing(bench):
    bench.export("decisions", [decision(1), decision(2, at=CUT + HOUR), decision(3, event_time=CUT)])
    bench.export("labels", [label(2, HOUR, at=CUT + HOUR)])
    bench.settle()
    counts = gold.build(bench.lake, CUT)
    assert (counts.rows, counts.labelled, counts.labels_without_payment) == (2, 0, 0)
    assert bench.rows("gold/vectors", "end_to_end_id") == [(payment_id(1),), (payment_id(3),)]


def test_a_label_of_an_unknown_payment_waits_is_counted_and_joins_later(bench):
    bench.export("decisions", [decision(1)])
    bench.export("labels", [label(2, HOUR), label(2, HOUR, written_at=NOON + DAY)])
    bench.settle()
    counts = gold.build(bench.lake, CUT)
    assert (counts.rows, counts.labelled, counts.labels_without_payment) == (1, 0, 1)
    assert bench.lake.read("silver/labels").count() == 1
    bench.export("decisions", [decision(2)])
    bench.settle()
    counts = gold.build(bench.lake, CUT)
    assert (counts.rows, counts.fraud, counts.labels_without_payment) == (2, 1, 0)


def test_what_was_not_served_whole_is_left_out_and_counted(bench):
    rows = [decision(1), decision(2, vector=None), decision(3, features_missing=True), decision(4, feature_set="old")]
    bench.export("decisions", rows)
    bench.settle()
    counts = gold.build(bench.lake, CUT)
    assert (counts.rows, counts.without_vector, counts.degraded, counts.other_features) == (1, 1, 1, 1)


def test_invalid_rows_go_to_the_quarantine_with_a_reason_and_without_what_they_say(bench):
    cpf = "52998224725"
    bad = {
        "payer_account": decision(1, payer_account=cpf),
        "amount_centavos": decision(2, amount_centavos=0),
        "direction": decision(3, direction=None),
        "end_to_end_id": decision(4, end_to_end_id=cpf),
        "vector": decision(5, vector="{"),
        "facts": decision(6, facts="{"),
        "device": decision(7, device=f"dev.1.{cpf}"),
        "payer_key": decision(8, payer_key="pkey.1.000000000000000000000A\n"),
    }
    bench.export("decisions", [decision(0), *bad.values()])
    bench.settle()
    found = bench.rows("quarantine/records", "reason", "end_to_end_id")
    want = [(r, None if r == "end_to_end_id" else row["end_to_end_id"]) for r, row in bad.items()]
    assert found == sorted(want, key=repr)
    assert bench.lake.read("silver/decisions").count() == 1
    row = bench.lake.read("quarantine/records").first()
    assert row["source_file"].endswith(".parquet") and row["source"] == "decisions"
    stored = "".join(str(r) for r in bench.lake.read("quarantine/records").collect())
    assert cpf not in stored


def test_a_new_column_of_an_export_comes_through(bench):
    bench.export("decisions", [decision(1)])
    bench.settle()
    bench.export("decisions", [decision(2)], new_fact=pa.array(["x"]))
    bench.export("decisions", [decision(3)])
    bench.settle()
    got = bench.rows("silver/decisions", "end_to_end_id", "new_fact")
    assert got == [(payment_id(1), None), (payment_id(2), "x"), (payment_id(3), None)]


def test_a_removed_column_is_refused_with_its_name_and_nothing_is_read(bench, tmp_path):
    bench.export("decisions", [decision(1)])
    bench.settle()
    other = tmp_path / "other"
    cut = another(bench.lake.spark, tmp_path, "cut", other)
    cut.export("decisions", [decision(1)], without="outcome")
    with pytest.raises(Refused, match="decisions has no column outcome any more"):
        bronze.exports(cut.lake)
    assert not cut.lake.has(str(cut.root / "bronze/decisions"))


def test_a_damaged_file_is_named_and_the_old_state_stays(bench):
    bench.export("decisions", [decision(1)])
    bench.settle()
    before = set((bench.exports / "decisions").glob("*.parquet"))
    bench.export("decisions", [decision(2)])
    (damaged,) = set((bench.exports / "decisions").glob("*.parquet")) - before
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Refused, match=f"{damaged.name} cannot be read: it is damaged or gone"):
        bronze.exports(bench.lake)
    assert bench.rows("bronze/decisions", "end_to_end_id") == [(payment_id(1),)]
    damaged.write_bytes(whole)
    bench.settle()
    assert len(bench.rows("silver/decisions", "end_to_end_id")) == 2


def test_an_expectation_stops_the_run_and_names_rows(bench):
    bench.export("decisions", [decision(1), decision(2)])
    bench.settle()
    bench.gold()
    before = digest(bench.root / "gold.parquet")
    short = [decision(n, vector="[1,2]") for n in (3, 4, 5)]
    bench.export("decisions", short)
    bench.settle()
    with pytest.raises(expectations.Broken) as e:
        gold.build(bench.lake, CUT, shown=2)
    said = f"expectation vector_length failed for 3 rows: {payment_id(3)}, {payment_id(4)} and 1 more"
    assert said in str(e.value) and e.value.failed == [said]
    gold.write_parquet(bench.lake, CUT, bench.root / "after.parquet")
    assert digest(bench.root / "after.parquet") == before


def test_gold_tells_the_gate_what_failed_and_of_which_files(tmp_path, monkeypatch):
    report, out = tmp_path / "expectations.json", tmp_path / "gold" / "served.parquet"
    line = ["gold", "--lake", "x", "--as-of", CUT.isoformat(), "--report", str(report), "--out", str(out)]
    args = cli.parser().parse_args(line)
    said = ["expectation weight_positive failed for 1 rows: E1", "expectation direction_known failed for 1 rows: E2"]

    def write(rows: int) -> int:
        pq.write_table(pa.table({"n": list(range(rows))}), out)
        return rows

    def build(error: Exception | None = None) -> None:
        def run(*_: object) -> None:
            write(1)
            assert evidence.read_expectations(report, out).failed == ["gold was not written to its end"]
            if error:
                raise error

        monkeypatch.setattr(gold, "build", run)

    monkeypatch.setattr(gold, "write_parquet", lambda *_: write(2))
    build()
    cli.gold_step(None, args)
    for path in (out, out.parent):
        told = evidence.read_expectations(report, path)
        assert told.failed == [] and told.sha256 == told.gold_sha256
    write(3)
    told = evidence.read_expectations(report, out)
    assert told.failed == [] and told.sha256 != told.gold_sha256
    build(Refused("no silver yet"))
    with pytest.raises(Refused):
        cli.gold_step(None, args)
    told = evidence.read_expectations(report, out)
    assert told.failed == ["gold was not written to its end"]  # not what an earlier run said
    build(expectations.Broken("gold", said))
    with pytest.raises(Refused, match="weight_positive failed"):
        cli.gold_step(None, args)
    assert evidence.read_expectations(report, out).failed == said


def test_what_lies_beside_gold_is_held_to_the_same_rules(bench):
    bench.export("decisions", [decision(1), decision(2)])
    bench.settle()
    out = bench.gold()
    other = out.with_name("replayed.parquet")
    rows = pq.read_table(out)
    pq.write_table(rows, other)
    gold.check_beside(bench.lake, CUT, out, 2)
    at = rows.schema.get_field_index("split_weight")
    pq.write_table(rows.set_column(at, rows.schema.field(at), pa.array([1.0, 0.0])), other)
    with pytest.raises(expectations.Broken, match=rf"weight_positive failed for 1 rows: {payment_id(2)}"):
        gold.check_beside(bench.lake, CUT, out, 2)
    pq.write_table(rows.drop_columns(["amount_brl"]), other)
    with pytest.raises(Refused, match="no column amount_brl"):
        gold.check_beside(bench.lake, CUT, out, 2)


def test_without_exports_or_silver_the_reason_is_said(bench):
    with pytest.raises(Refused, match=r"there is no Delta table at .*decisions"):
        bronze.exports(bench.lake)
    with pytest.raises(Refused, match="no silver yet"):
        gold.build(bench.lake, CUT)
