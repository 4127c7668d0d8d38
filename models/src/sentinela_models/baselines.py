"""Writes tables of scores of what the model has to beat: rules alone, logistic regression; and of model and rules.

It writes rules.parquet, logistic.parquet and model+rules.parquet, which `pixctl evaluate` measures like the model's own
table. They are fitted to the same slices with the same labels as the model.

Model and rules together take the higher of the two probabilities, as the policy does: what either would hold is held.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentinela_models import calibration, logistic, rules, scores, split, vectors
from sentinela_models.errors import Refused


def logit(p: np.ndarray) -> np.ndarray:
    """Return log-odds."""
    return np.log(p) - np.log1p(-p)


def write(path: pathlib.Path, scored: pa.Table, kind: str, raw: np.ndarray, probability: np.ndarray) -> None:
    """Write a table like the model's with other scores and no contributions."""
    meta = {**scored.schema.metadata, b"model_version": kind.encode(), b"model_sha256": b"", b"features": b"[]"}
    empty = pa.ListArray.from_arrays(np.zeros(len(raw) + 1, dtype=np.int32), pa.array([], pa.float64()))
    columns = {"raw": pa.array(raw), "probability": pa.array(probability), "contributions": empty}
    for name, column in columns.items():
        scored = scored.set_column(scored.schema.get_field_index(name), name, column)
    pq.write_table(scored.replace_schema_metadata(meta), path)


class Later:
    """The vectors of the later table that the model's table of scores holds, in its order, read in pieces."""

    def __init__(self, path: pathlib.Path, role: str, contract: vectors.Contract):
        self.file, self.directions = pq.ParquetFile(path), vectors.ROLE_DIRECTIONS[role]
        self.features = vectors.check_schema(self.file.schema_arrow, contract)

    def pieces(self):
        """Yield ids and matrices."""
        for batch in self.file.iter_batches(batch_size=50_000, columns=["end_to_end_id", "direction", *self.features]):
            mine = np.isin(batch["direction"].to_numpy(zero_copy_only=False).astype(str), self.directions)
            x = np.column_stack([batch[name].to_numpy() for name in self.features])
            yield batch["end_to_end_id"].filter(pa.array(mine)), x[mine]


def run(a: argparse.Namespace) -> None:
    """Fit both and write the three tables."""
    contract = vectors.read_contract(a.contract)
    rows = vectors.read_vectors(a.vectors, a.role, contract)
    cut = int(pq.read_table(a.evaluation, columns=["event_time"])["event_time"].to_numpy().min())
    training, validation = split.fitted(rows, cut)
    odds = rules.fit_odds(rules.points(rows.features, training.x), training.label, training.weight)
    thin = training.thin(a.negatives, a.seed)
    print(f"baselines {a.role}: logistic regression on {len(thin.label)} rows", file=sys.stderr, flush=True)
    model = logistic.fit(thin, validation.thin(a.negatives, a.seed))
    platt = calibration.fit_platt(model.raw(validation.x), validation.label, validation.weight)
    ids, points, raw = [], [], []
    for batch_ids, x in Later(a.evaluation, a.role, contract).pieces():
        ids.append(batch_ids)
        points.append(rules.points(contract.features, x))
        raw.append(model.raw(x))
    scored = scores.read_table(a.scores)
    if pa.chunked_array(ids).combine_chunks() != scored["end_to_end_id"].combine_chunks():
        raise Refused("the table of scores is not that of the later vectors")
    points, raw = np.concatenate(points), np.concatenate(raw)
    by_rules = odds.of(points)
    both = np.maximum(by_rules, scored["probability"].to_numpy())
    a.out.mkdir(parents=True, exist_ok=True)
    write(a.out / "rules.parquet", scored, "rules", points, by_rules)
    write(a.out / "logistic.parquet", scored, "logistic", raw, platt.probability(raw))
    write(a.out / "model+rules.parquet", scored, "model+rules", logit(both), both)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    p = argparse.ArgumentParser(prog="sentinela_models.baselines", description=__doc__)
    p.add_argument("--vectors", type=pathlib.Path, required=True, help="Parquet of pixctl vectors to fit to")
    p.add_argument("--evaluation", type=pathlib.Path, required=True, help="Parquet of a later world")
    p.add_argument("--scores", type=pathlib.Path, required=True, help="table of pixctl score of that world")
    p.add_argument("--role", choices=sorted(vectors.ROLE_DIRECTIONS), required=True)
    p.add_argument("--contract", type=pathlib.Path, required=True, help="features.json")
    p.add_argument("--out", type=pathlib.Path, required=True, help="directory")
    p.add_argument("--negatives", type=int, default=300_000)
    p.add_argument("--seed", type=int, default=7)
    try:
        run(p.parse_args(sys.argv[1:] if argv is None else argv))
    except Refused as e:
        print(f"refused: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
