"""The digest of the trees: the artefacts of this repository state LightGBM's, and each thing that counts is in it.

The scorer loads these artefacts (shared/scoring, models/shipped_test.go), so its digest is the same.
"""

import json
import pathlib
import re
import shutil

import lightgbm as lgb
import pytest

from sentinela_models import artefact
from sentinela_models.digest import trees_sha256

ROOT = pathlib.Path(__file__).parents[2]
GBDT = ROOT / "shared" / "scoring" / "testdata" / "gbdt"
ARTEFACTS = sorted(
    p.parent for p in [*ROOT.glob("shared/scoring/testdata/*/golden.json"), *ROOT.glob("models/*/*/golden.json")]
)


def digest(text: str) -> str:
    """Digest a text through LightGBM, whose reader does not mind wrong sizes when they are left out."""
    return trees_sha256(lgb.Booster(model_str=re.sub(r"^tree_sizes=.*\n", "", text, flags=re.M)))


def edited(text: str, key: str, entry: str) -> str:
    """Replace the first entry of a line of the first tree."""
    return re.sub(rf"^{key}=\S+", f"{key}={entry}", text, count=1, flags=re.M)


@pytest.mark.parametrize("directory", ARTEFACTS, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_artefacts_state_it(directory):
    golden = json.loads((directory / "golden.json").read_text())
    assert golden["trees_sha256"] == digest((directory / "model.txt").read_text())


@pytest.mark.parametrize(
    ("key", "entry"),
    [
        ("split_feature", "4"), ("threshold", "0.1234"), ("decision_type", "8"), ("decision_type", "2"),
        ("leaf_value", "0.1234"), ("leaf_count", "17"), ("internal_count", "3999"),
    ],
)  # fmt: skip
def test_every_field_counts(key, entry):
    text = (GBDT / "model.txt").read_text()
    assert edited(text, key, entry) != text
    assert digest(edited(text, key, entry)) != digest(text)


def test_what_says_the_same_counts_as_the_same():
    text = (GBDT / "model.txt").read_text()
    assert digest(edited(text, "threshold", "inf")) == digest(edited(text, "threshold", "1e300"))
    assert digest(edited(text, "leaf_value", "-0")) == digest(edited(text, "leaf_value", "0"))


def test_adding_it_changes_nothing_else(tmp_path):
    shutil.copytree(GBDT, tmp_path / "gbdt")
    golden, manifest = (tmp_path / "gbdt" / name for name in ("golden.json", "manifest.json"))
    before = golden.read_text(), manifest.read_text()
    golden.write_text(re.sub(r'"trees_sha256".*\n', "", before[0]))
    artefact.add_digest(tmp_path / "gbdt")
    assert (golden.read_text(), manifest.read_text()) == before
