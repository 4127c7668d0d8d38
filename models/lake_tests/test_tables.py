"""The contract that travels with the package, the page made from it, and the command line."""

import datetime
import json
import pathlib
import re

import pytest

from sentinela_lake import cli, failures, page, tables

ROOT = pathlib.Path(__file__).parents[2]
SOURCES = {
    "decisions.json": "shared/warehouse/schema",
    "labels.json": "shared/warehouse/schema",
    "alerts.json": "shared/warehouse/schema",
    "features.json": "models/contract",
}
NAMES = {
    "STRING": "string",
    "JSON": "string",
    "TIMESTAMP": "timestamp",
    "INTEGER": "bigint",
    "FLOAT": "double",
    "BOOLEAN": "boolean",
}


@pytest.mark.parametrize("name", SOURCES)
def test_the_package_carries_the_contract_itself(name):
    assert tables.packaged(name) == (ROOT / SOURCES[name] / name).read_bytes()


def described(doc: dict) -> str:
    """Write a column's type out of the warehouse's file, as Spark would."""
    kind = NAMES.get(doc["type"]) or "struct<{}>".format(",".join(f"{f['name']}:{described(f)}" for f in doc["fields"]))
    return f"array<{kind}>" if doc.get("mode") == "REPEATED" else kind


@pytest.mark.parametrize("name", tables.EXPORTS)
def test_exported_columns_are_the_warehouses(name):
    docs = json.loads((ROOT / f"shared/warehouse/schema/{name}.json").read_text())
    want = {d["name"]: described(d) for d in docs} | {"written_at": "timestamp"}
    assert {f.name: f.dataType.simpleString() for f in tables.exported(name)} == want


def test_the_page_is_current():
    assert (ROOT / "docs/lake-schema.md").read_text() == page.page()


def test_every_column_says_what_it_is():
    for table in tables.all_tables().values():
        assert all(f.metadata.get("comment") for f in table.columns), table.name


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "required"),
        (["bronze"], "--lake"),
        (["gold", "--lake", "x", "--as-of", "2026-01-01"], "says no zone"),
        (["gold", "--lake", "x", "--as-of", "soon"], "is not a time"),
        (["bronze", "--lake", "x", "--no-exports"], "leaves nothing"),
    ],
)
def test_wrong_usage_is_exit_code_2(argv, says, capsys):
    with pytest.raises(SystemExit) as e:
        cli.main(argv)
    assert e.value.code == 2
    assert says in capsys.readouterr().err


def test_help_is_exit_code_0(capsys):
    with pytest.raises(SystemExit) as e:
        cli.main(["gold", "-h"])
    assert e.value.code == 0
    assert re.search("labels\\s+that arrived later", capsys.readouterr().out)


def test_a_refusal_is_exit_code_1(spark, tmp_path, capsys):
    assert cli.main(["bronze", "--lake", str(tmp_path)]) == 1
    assert "refused: there is no Delta table" in capsys.readouterr().err
    as_of = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC).isoformat()
    assert cli.main(["gold", "--lake", str(tmp_path), "--as-of", as_of]) == 1


def test_an_exception_becomes_a_sentence_without_its_text():
    secret = "52998224725"
    said = failures.sentence(f"[FAILED_READ_FILE.NO_HINT] while reading file file:///x/part-1.parquet {secret}")
    assert "file:///x/part-1.parquet cannot be read" in said and secret not in said
    assert failures.sentence(f"[CAST_INVALID_INPUT] The value '{secret}'") == "Spark gave up with CAST_INVALID_INPUT"
