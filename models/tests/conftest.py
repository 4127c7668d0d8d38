"""Made-up vectors in the layout of pixctl vectors."""

import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentinela_models import vectors

DAY = 86_400_000_000
START = 1_767_225_600_000_000  # 2026-01-01
FEATURES = ["amount_brl", "payer_count_1h", "payee_age_days"]
SIDES = ("payer", "payee")


def table(rows: int = 6000, seed: int = 1) -> pa.Table:
    """Return payments over 30 days in which large, fast payments to young payees are often fraud."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.lognormal(4, 1, rows), rng.poisson(1, rows), rng.exponential(100, rows)]).astype(float)
    x[rng.random(x.shape) < 0.05] = np.nan
    logit = np.nan_to_num(0.02 * x[:, 0] + x[:, 1] - 0.02 * x[:, 2]) - 5
    label = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int32)
    times = START + rng.integers(0, 30 * DAY, rows)
    arrived = [int(t + DAY // 2) if fraud else None for t, fraud in zip(times, label, strict=True)]
    columns = {
        "end_to_end_id": pa.array([f"E99000001{i:023d}" for i in range(rows)]),
        "event_time": pa.array(times, pa.int64()),
        "label_arrived_at": pa.array(arrived, pa.int64()),
        "label": pa.array(label, pa.int32()),
        "typology": pa.array(np.where(label == 1, np.where(x[:, 1] > 1, "takeover", "mule"), "")),
        "direction": pa.array(rng.choice(["OUTBOUND", "INBOUND", "INTERNAL"], rows)),
        "split_weight": pa.array(np.where(label == 1, 0.1, 1.0)),
    }
    columns |= {f"{side}_account": pa.array([f"acct.1.{i}" for i in rng.integers(0, 300, rows)]) for side in SIDES}
    for side in SIDES:
        columns[f"{side}_age_band"] = pa.array(rng.choice(["", "18-24", "60+"], rows))
        columns[f"{side}_state"] = pa.array(rng.choice(["SP", "BA"], rows))
    fixed = [columns[name] for name in vectors.FIXED_COLUMNS]
    columns = dict(zip(vectors.FIXED_COLUMNS, fixed, strict=True))
    columns |= {name: pa.array(x[:, i]) for i, name in enumerate(FEATURES)}
    return pa.table(columns)


@pytest.fixture
def vectors_file(tmp_path: pathlib.Path) -> pathlib.Path:
    """Write the made-up vectors."""
    path = tmp_path / "vectors.parquet"
    pq.write_table(table(), path)
    return path
