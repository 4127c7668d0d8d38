"""Writes the tables of outside writers that the tests of this package and of ../../evaluate read.

build/venv/bin/python scripts/pixctl/internal/table/testdata/write.py, with the pyarrow of models/requirements.txt; the
committed files were written by 26.0.1. pandas writes through the same library and, like from_pandas=True here,
stores NaN as null.
"""

import datetime
import decimal
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent
EVALUATE = HERE.parent.parent / "evaluate" / "testdata"
MICROS = [1_767_225_600_000_000, -1_000, 4_102_444_800_123_000]
UTC = "UTC"


def column(kind: pa.DataType) -> pa.Array:
    """Return a number, NaN and a negative number, as pandas would hand them over."""
    return pa.array(np.array([1.5, np.nan, -0.25]), from_pandas=True).cast(kind)


def times(unit: str, zone: str | None, per_micro: float) -> pa.Array:
    """Return the same moments as timestamps of a unit."""
    return pa.array([int(v * per_micro) for v in MICROS]).cast(pa.timestamp(unit, tz=zone))


# What reads, with the names that convert_test.go declares.
READ = {
    "double": column(pa.float64()),
    "double_nan": pa.array([1.5, float("nan"), -0.25]),
    "float": column(pa.float32()),
    "half": pa.array([np.float16(1.5), None, np.float16(-0.25)], pa.float16()),
    "half_edges": pa.array([np.float16(2.0**-24), np.float16(-65504), np.float16(-np.inf)], pa.float16()),
    "int8": pa.array([1, None, -128], pa.int8()),
    "int32": pa.array([1, None, -(2**31)], pa.int32()),
    "int64": pa.array([2**53, None, -(2**53)], pa.int64()),
    "uint32": pa.array([2**32 - 1, None, 0], pa.uint32()),
    "uint64": pa.array([2**53, None, 0], pa.uint64()),
    "no_number": pa.nulls(3),
    "label_int64": pa.array([1, 0, 1], pa.int64()),
    "label_uint8": pa.array([1, 0, 1], pa.uint8()),
    "label_double": pa.array([1.0, 0.0, 1.0]),
    "time_int64": pa.array(MICROS),
    "time_double": pa.array([float(v) for v in MICROS]),
    "time_ms": times("ms", None, 1e-3),
    "time_us": times("us", None, 1),
    "time_ns": times("ns", None, 1000),
    "time_ms_utc": times("ms", UTC, 1e-3),
    "time_us_utc": times("us", UTC, 1),
    "time_ns_utc": times("ns", UTC, 1000),
    "arrived": pa.array([MICROS[0], None, MICROS[2]]).cast(pa.timestamp("us")),
    "arrived_double": pa.array([float(MICROS[0]), float("nan"), float(MICROS[2])]),
    "never": pa.nulls(3),
    "text": pa.array(["a", "", "ç"]),
    "text_large": pa.array(["a", "", "ç"], pa.large_string()),
    "text_dictionary": pa.array(["a", "", "ç"]).dictionary_encode(),
    "group": pa.array(["a", None, "ç"]).dictionary_encode(),
    "list": pa.array([[1.0, 2.0], None, []], pa.list_(pa.float64())),
    "list_float": pa.array([[1.0, 2.0], [], None], pa.large_list(pa.float32())),
}

# What no meaning is read from: convert_test.go tries every column as every meaning.
REFUSED = {
    "bool": pa.array([True, False]),
    "binary": pa.array([b"1", b"2"]),
    "decimal": pa.array([decimal.Decimal("1.5"), decimal.Decimal("2.5")]),
    "date": pa.array([datetime.date(2026, 1, 1)] * 2),
    "clock": pa.array([datetime.time(1, 2), datetime.time(3, 4)], pa.time64("us")),
    "bytes": pa.array([b"12345678", b"12345678"], pa.binary(8)),
    "nested": pa.array([{"a": 1.0}, {"a": 2.0}]),
    "map": pa.array([[("a", 1.0)], [("b", 2.0)]], pa.map_(pa.string(), pa.float64())),
    "list_bool": pa.array([[True], [False]]),
    "list_of_lists": pa.array([[[1.0]], [[2.0]]]),
}

# Columns whose second row does not convert.
SECOND = {
    "id_null": pa.array(["a", None]),
    "weight_null": pa.array([1.0, None]),
    "weight_nan": pa.array([1.0, float("nan")]),
    "label_null": pa.array([1, None], pa.int32()),
    "label_half": pa.array([1.0, 0.5]),
    "label_wide": pa.array([1, 2**32], pa.int64()),
    "time_null": pa.array([1, None], pa.timestamp("us")),
    "time_nan": pa.array([1.0, float("nan")]),
    "time_fraction": pa.array([1_000, 1_001], pa.timestamp("ns")),
    "time_far": pa.array([1, 2**62], pa.timestamp("ms")),
    "time_inexact": pa.array([1.0, 2.0**60]),
    "number_int64": pa.array([2**53, 2**53 + 1]),
    "number_int64_low": pa.array([2**53, -(2**53) - 1]),
    "number_uint64": pa.array([1, 2**64 - 1], pa.uint64()),
    "list_null": pa.array([[1.0], [1.0, None]]),
    "list_nan": pa.array([[1.0], [float("nan")]]),
}


def scores() -> None:
    """Write the payers' table of scores as a data frame's columns would come out, with the same content."""
    t = pq.read_table(EVALUATE / "payer.parquet")
    for i, name in enumerate(t.column_names):
        c = t.column(name)
        if name == "event_time":
            c = c.cast(pa.timestamp("us", tz=UTC))
        elif name == "label_arrived_at":
            c = pa.array([np.nan if v is None else float(v) for v in c.to_pylist()], from_pandas=True)
        elif name == "label":
            c = c.cast(pa.float64())
        elif c.type == pa.string() and name.endswith(("typology", "band", "state")):
            c = pa.array([v or None for v in c.to_pylist()]).dictionary_encode()
        elif c.type == pa.string():
            c = c.cast(pa.large_string())
        elif name == "contributions":
            c = pa.array([v or None for v in c.to_pylist()], pa.list_(pa.float64()))
        t = t.set_column(i, name, c)
    pq.write_table(t, EVALUATE / "payer-frame.parquet", compression="zstd")


def main() -> None:
    """Write all."""
    pq.write_table(pa.table(READ), HERE / "read.parquet")
    for name, c in {**REFUSED, **SECOND}.items():
        pq.write_table(pa.table({"c": c}), HERE / f"{name}.parquet")
    # The same numbers in whole numbers of cents, and times as older Sparks keep them.
    cents = pa.table({"c": REFUSED["decimal"].cast(pa.decimal128(9, 2))})
    pq.write_table(cents, HERE / "decimal_int.parquet", store_decimal_as_integer=True)
    spark = pa.table({"c": times("us", None, 1)})
    pq.write_table(spark, HERE / "int96.parquet", use_deprecated_int96_timestamps=True)
    scores()


if __name__ == "__main__":
    main()
