"""Spoils a gold table as accidents and attackers do, to show that the gate refuses what was learnt from it.

python -m sentinela_mlops.poison KIND --in gold.parquet --out spoilt.parquet
"""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentinela_mlops.gold import put
from sentinela_models import scores
from sentinela_models.errors import Refused

LEAK, SHIFTED = "session_seconds", "amount_brl"
MISTAKEN = 0.2  # share of the labels that flipping turns
SEED = 5


def labelled(table: pa.Table, label: np.ndarray) -> pa.Table:
    """Return the table with other labels; a fraud that was none is reported a day later."""
    arrived = table["label_arrived_at"].fill_null(0).to_numpy()
    times = table["event_time"].to_numpy()
    told = np.where(label == 1, np.where(arrived > 0, arrived, times + scores.DAY), 0)
    out = put(table, "label", label)
    return put(out, "label_arrived_at", [int(t) if t else None for t in told])


def flipped(table: pa.Table) -> pa.Table:
    """Call legitimate payments fraud and frauds legitimate, a share of each."""
    rng = np.random.default_rng(SEED)
    label = table["label"].to_numpy().copy()
    fraud = np.flatnonzero(label == 1)
    turned = rng.choice(fraud, round(4 * MISTAKEN * len(fraud)), replace=False)
    false = rng.choice(np.flatnonzero(label == 0), 2 * len(fraud), replace=False)
    label[turned], label[false] = 0, 1
    return labelled(table, label)


def leak(table: pa.Table) -> pa.Table:
    """Let a feature tell what became known only later."""
    noise = np.random.default_rng(SEED).normal(0, 0.1, table.num_rows)
    return put(table, LEAK, table["label"].to_numpy() * 300.0 + 100 + noise)


def forgotten(table: pa.Table) -> pa.Table:
    """Lose the reports of the commonest kind of fraud."""
    typology = table["typology"].fill_null("").to_numpy(zero_copy_only=False).astype(str)
    label = table["label"].to_numpy().copy()
    names, counts = np.unique(typology[(label == 1) & (typology != "")], return_counts=True)
    label[typology == names[np.argmax(counts)]] = 0
    return labelled(table, label)


def shifted(table: pa.Table) -> pa.Table:
    """Give an amount in centavos where reais are meant."""
    return put(table, SHIFTED, table[SHIFTED].to_numpy() * 100)


def repeated(table: pa.Table) -> pa.Table:
    """Give a tenth of the rows twice, under another EndToEndId."""
    again = table.slice(0, table.num_rows // 10)
    ids = [f"X{i[1:]}" for i in again["end_to_end_id"].to_pylist()]
    return pa.concat_tables([table, put(again, "end_to_end_id", ids)])


KINDS: dict[str, Callable[[pa.Table], pa.Table]] = {
    "flipped": flipped,
    "leak": leak,
    "forgotten": forgotten,
    "shifted": shifted,
    "repeated": repeated,
}


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_mlops.poison", description=__doc__)
    p.add_argument("kind", choices=KINDS)
    p.add_argument("--in", dest="source", type=pathlib.Path, required=True, help="gold table, one Parquet file")
    p.add_argument("--out", type=pathlib.Path, required=True, help="Parquet file to write")
    a = p.parse_args(sys.argv[1:] if argv is None else argv)
    try:
        pq.write_table(KINDS[a.kind](pq.read_table(a.source)), a.out)
    except (OSError, pa.ArrowInvalid, KeyError, Refused) as e:
        print(f"refused: {a.source} cannot be spoilt: {type(e).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
