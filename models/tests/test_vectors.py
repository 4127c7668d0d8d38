"""Reading refuses whatever could make training differ from serving."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import FEATURES, table

from sentinela_models import vectors
from sentinela_models.errors import Refused

CONTRACT = vectors.Contract("1-abc", FEATURES)


def replace(t: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return t.set_column(t.schema.get_field_index(name), name, column)


def first(t: pa.Table, name: str, value: float) -> pa.Table:
    column = t.column(name).to_pylist()
    return replace(t, name, pa.array([value, *column[1:]], t.schema.field(name).type))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.drop_columns(["typology"]), "first columns"),
        (lambda t: t.select([*t.column_names[1:], t.column_names[0]]), "first columns"),
        (lambda t: replace(t, "label", t.column("label").cast(pa.int64())), "column label is int64"),
        (lambda t: t.drop_columns(FEATURES), "no feature columns"),
        (lambda t: t.drop_columns(FEATURES[-1:]), f"not in the file: {FEATURES[-1]}"),
        (
            lambda t: t.select([*t.column_names[:-2], *reversed(t.column_names[-2:])]),
            f"{FEATURES[-1]} stands before {FEATURES[-2]}",
        ),
        (lambda t: replace(t, FEATURES[0], t.column(FEATURES[0]).cast(pa.float32())), "is float, expected double"),
        (lambda t: first(replace(t, "direction", pa.array(["OUTBOUND"] * len(t))), FEATURES[0], np.inf), "infinite"),
        (lambda t: first(replace(t, "direction", pa.array(["OUTBOUND"] * len(t))), "label", 2), "label is not 0 or 1"),
        (lambda t: first(replace(t, "direction", pa.array(["OUTBOUND"] * len(t))), "split_weight", 0), "split_weight"),
        (lambda t: replace(t, "direction", pa.array(["INBOUND"] * len(t))), "no row"),
        (lambda t: t.replace_schema_metadata({"feature_set": "other"}), "feature set other"),
        (lambda t: replace(t, "label_arrived_at", pa.nulls(len(t), pa.int64())), "no label_arrived_at"),
    ],
)
def test_refuses(tmp_path, change, reason):
    path = tmp_path / "v.parquet"
    pq.write_table(change(table(500)), path)
    with pytest.raises(Refused, match=reason):
        vectors.read_vectors(path, "payer", CONTRACT)


def test_features_that_nobody_asked_for_are_left_out(tmp_path):
    """A file of a later feature set is read by name, as the scorer lets a model read a later vector."""
    path = tmp_path / "v.parquet"
    t = table(500).replace_schema_metadata({"feature_set": "1-def"})
    pq.write_table(t, path)
    plain = vectors.read_vectors(path, "payer", CONTRACT)
    at = t.schema.get_field_index(FEATURES[1])
    pq.write_table(t.add_column(at, "extra", t.column(FEATURES[0])), path)
    wide = vectors.read_vectors(path, "payer", CONTRACT)
    assert wide.features == FEATURES
    np.testing.assert_array_equal(wide.x, plain.x)


@pytest.mark.parametrize("name", [n for n in vectors.FIXED_COLUMNS if n not in vectors.NULLABLE])
def test_refuses_nulls_where_nothing_can_be_missing(tmp_path, name):
    path = tmp_path / "v.parquet"
    pq.write_table(first(table(500), name, None), path)
    with pytest.raises(Refused, match=f"row 1: column {name}"):
        vectors.read_vectors(path, "payer", CONTRACT)


def test_null_is_missing(tmp_path):
    """A data frame writes null for NaN and for an empty group."""
    path = tmp_path / "v.parquet"
    t = replace(table(500), "direction", pa.array(["OUTBOUND"] * 500))
    pq.write_table(t, path)
    whole = vectors.read_vectors(path, "payer", CONTRACT)
    for name in FEATURES:
        t = replace(t, name, pa.array(t[name].to_numpy(), from_pandas=True))
    t = replace(t, "typology", pa.array([v or None for v in t["typology"].to_pylist()], pa.string()))
    assert t[FEATURES[0]].null_count > 0
    pq.write_table(t, path)
    nulls = vectors.read_vectors(path, "payer", CONTRACT)
    np.testing.assert_array_equal(nulls.x, whole.x)
    np.testing.assert_array_equal(nulls.typology, whole.typology)


def test_roles_see_their_directions_in_time_order(vectors_file):
    whole = pq.read_table(vectors_file)
    counts = {
        d: int(np.sum(whole.column("direction").to_numpy(zero_copy_only=False) == d)) for d in ("OUTBOUND", "INBOUND")
    }
    rows = {role: vectors.read_vectors(vectors_file, role, CONTRACT) for role in vectors.ROLE_DIRECTIONS}
    internal = len(whole) - sum(counts.values())
    assert len(rows["payer"].label) == counts["OUTBOUND"] + internal
    assert len(rows["receiver"].label) == counts["INBOUND"] + internal
    for v in rows.values():
        assert (np.diff(v.event_time) >= 0).all()
        assert v.features == FEATURES


def test_known_at_hides_later_labels(vectors_file):
    v = vectors.read_vectors(vectors_file, "payer", CONTRACT)
    half = int(v.event_time[len(v.event_time) // 2])
    known = v.known_at(half)
    assert known.label.sum() > 0
    assert (known.arrived_at[known.label == 1] <= half).all()
    assert v.label.sum() > known.label.sum()
    assert (v.known_at(int(v.event_time[-1]) * 2).label == v.label).all()


def test_contract_is_read(tmp_path):
    path = tmp_path / "features.json"
    path.write_text(json.dumps({"version": "1-abc", "features": [{"name": n} for n in FEATURES]}))
    assert vectors.read_contract(path) == CONTRACT


def test_iso_keeps_microseconds():
    assert vectors.iso(1_767_225_600_000_001) == "2026-01-01T00:00:00.000001Z"
