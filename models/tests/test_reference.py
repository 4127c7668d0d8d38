"""The reference of an artefact: bins of the rows that a model was calibrated on, the same whenever it is written."""

import hashlib
import json
import pathlib

import numpy as np
import pytest

from sentinela_models import reference

ROOT = pathlib.Path(__file__).parents[2]


def test_bins_hold_their_shares():
    """Deciles, an end for each value that many rows share, and what is missing in a bin of its own."""
    column = np.array([1.0, 1, 1, 1, 1, 2, 3, 4, np.nan, np.nan])
    weight = np.ones(10)
    edges = reference.cuts(column, weight)
    assert edges.tolist() == [1, 2, 3, 4]
    assert reference.shares(column, weight, edges).tolist() == [0.5, 0.1, 0.1, 0.1, 0, 0.2]
    assert reference.cuts(np.array([np.nan]), np.ones(1)).tolist() == []


def test_a_shift_is_told():
    then = np.array([0.5, 0.5, 0])
    assert reference.psi(then, then) == 0
    assert reference.psi(then, np.array([0.45, 0.55, 0])) < 0.1
    assert 0.25 < reference.psi(then, np.array([0, 0.5, 0.5])) < np.inf


@pytest.mark.parametrize("role", ["payer", "receiver"])
def test_shipped_models_have_one(role):
    """What moves with the date alone is not in it; the rest of what the model reads is."""
    for directory in (ROOT / "models" / role).iterdir():
        manifest = json.loads((directory / "manifest.json").read_text())
        data = (directory / reference.FILE).read_bytes()
        assert hashlib.sha256(data).hexdigest() == manifest["files"][reference.FILE]
        told = json.loads(data)
        assert [f["name"] for f in told["features"]] == [
            n for n in manifest["features"] if not reference.follows_clock(n)
        ]
        assert told["rows"] == manifest["validation"]["rows"]
