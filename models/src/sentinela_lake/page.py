"""Writes docs/lake-schema.md from the tables: python -m sentinela_lake.page > ../docs/lake-schema.md."""

from __future__ import annotations

import sys

from pyspark.sql import types as t

from sentinela_lake import tables
from sentinela_lake.tables import Table

HEAD = """# Schema of the lake

Made from `models/src/sentinela_lake/tables.py` by `cd models && python -m sentinela_lake.page >../docs/lake-schema.md`;
a test holds it to the code. Every table is a Delta table in the directory of its name below the lake's root;
`checkpoints/` beside them holds how far each stream has read. Exported tables (`decisions`, `labels`, `alerts`) are
written by `functions/export` and only read here; bronze has their columns as they are.

Times are microseconds in UTC. Identifiers are tokens; no table holds a raw CPF, CNPJ, key, account or name.
"""


def page() -> str:
    """Return the page."""
    return HEAD + "".join(section(table) for table in tables.all_tables().values())


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
