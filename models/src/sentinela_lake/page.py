"""Writes docs/lake-schema.md from the tables: python -m sentinela_lake.page > ../docs/lake-schema.md."""

from __future__ import annotations

import sys

from pyspark.sql import types as t

from sentinela_lake import replay, tables
from sentinela_lake.tables import Table

HEAD = """# Schema of the lake

Made from `models/src/sentinela_lake/tables.py` by `cd models && python -m sentinela_lake.page >../docs/lake-schema.md`;
a test holds it to the code. Every table is a Delta table in the directory of its name below the lake's root;
`checkpoints/` beside them holds how far each stream has read. Exported tables (`decisions`, `labels`, `alerts`) are
written by `functions/export` and only read here; bronze has their columns as they are.

Times are microseconds in UTC. Identifiers are tokens; no table holds a raw CPF, CNPJ, key, account or name.

**Statuses are in no table.** Whether a payment was settled, rejected or returned goes to the feature store alone, not
to the warehouse, and so is not exported. What follows:

- a vector as served (`decisions.vector`, `gold/vectors`) is whole: it counts the statuses that had arrived by then;
- a vector that `replay` computes again from silver is not: its {count} features over statuses ({words} in
  their names) come out as if none had arrived, and the comparison with served ones leaves them out and says so, unless
  `--statuses` gives the topic's own records beside. A challenger over such features learns from served vectors, or with
  these records;
- a row of `decisions` says what was decided, never what became of the payment: an approved one may be rejected later by
  the settlement system. A sum over approved rows is no sum of money moved.
"""


def page() -> str:
    """Return the page."""
    over_statuses = sum(any(w in name for w in replay.STATUS_WORDS) for name in tables.features().features)
    words = ", ".join(f"`{w}`" for w in replay.STATUS_WORDS)
    sections = "".join(section(table) for table in tables.all_tables().values())
    return HEAD.format(count=over_statuses, words=words) + sections


def section(table: Table) -> str:
    """Describe one table."""
    head = f"\n## {table.name}\n\n{table.about}\n\nKey: {table.key}. Written by: {table.writer}.\n\n"
    rows = [line(f) for f in shown(table)]
    if table.name == "gold/vectors":
        count = len(tables.features().features)
        rows.append(f"| … | double | {count} features by name, in the order of `models/contract/features.json`. |")
    return head + "| column | type | what it is |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def shown(table: Table) -> list[t.StructField]:
    """Return the columns to list: features have their own page."""
    features = set(tables.features().features)
    return [f for f in table.columns if table.name != "gold/vectors" or f.name not in features]


def line(f: t.StructField) -> str:
    """Describe one column."""
    about = f.metadata.get("comment", "").replace("|", "\\|")
    return f"| `{f.name}` | {kind(f.dataType)} | {about} |"


def kind(data: t.DataType) -> str:
    """Write a type as a person does."""
    if isinstance(data, t.ArrayType):
        return f"list of {kind(data.elementType)}"
    if isinstance(data, t.StructType):
        return "{" + ", ".join(f"{f.name} {kind(f.dataType)}" for f in data) + "}"
    return data.simpleString()


if __name__ == "__main__":
    sys.stdout.write(page())
