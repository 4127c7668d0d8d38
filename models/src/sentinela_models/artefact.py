"""Writes an artefact: model.txt, golden.json, reference.json, and manifest.json with the hashes of all three, last.

python -m sentinela_models.artefact DIR... adds the digest of the trees to artefacts that were exported without it, with
LightGBM's reading of their model.txt, and states the hash anew; nothing else changes in them.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
import sys

import lightgbm as lgb
import numpy as np

from sentinela_models import coverage, limits, reference
from sentinela_models import golden as golden_module
from sentinela_models.digest import trees_sha256
from sentinela_models.errors import Refused


def count_trees(model_text: str) -> tuple[int, int]:
    """Return the number of trees and of leaves in all of them."""
    leaves = [int(v) for v in re.findall(r"^num_leaves=(\d+)$", model_text, re.M)]
    return len(leaves), sum(leaves)


def write(out: pathlib.Path, model_text: str, golden: dict, manifest: dict, spread: dict | None = None) -> None:
    """Write the files into a new directory: a version never changes once it exists. Without a spread no reference."""
    if out.exists() and any(out.iterdir()):
        raise Refused(f"{out} exists already; a version never changes, choose another")
    limits.check_model(model_text, golden["features"], len(golden["vectors"]), len(golden["contributions"]))
    trees, leaves = count_trees(model_text)
    vectors = np.array([[golden_module.decode(v) for v in row] for row in golden["vectors"]])
    files = {"model.txt": model_text, "golden.json": golden_module.dumps(golden)}
    if spread is not None:
        files[reference.FILE] = reference.dumps(spread)
    if (size := len(files["golden.json"].encode())) > limits.GOLDEN_BYTES:
        raise Refused(
            f"golden.json has {size} bytes, the scorer takes {limits.GOLDEN_BYTES}: train fewer or smaller trees"
        )
    out.mkdir(parents=True, exist_ok=True)
    full = {
        **manifest,
        "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()},
        "trees": trees,
        "leaves": leaves,
        "golden_covers_splits": coverage.covers(model_text, vectors),
    }
    for name, text in files.items():
        (out / name).write_text(text, encoding="utf-8", newline="\n")
    (out / "manifest.json").write_text(json.dumps(full, indent=2) + "\n", encoding="utf-8", newline="\n")


def add_digest(directory: pathlib.Path) -> None:
    """Add the digest of the trees to an artefact."""
    golden = json.loads((directory / "golden.json").read_text(encoding="utf-8"))
    manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    booster = lgb.Booster(model_str=(directory / "model.txt").read_text(encoding="utf-8"))
    head = {name: golden.pop(name) for name in ("schema_version", "features")}
    golden.pop("trees_sha256", None)
    text = golden_module.dumps({**head, "trees_sha256": trees_sha256(booster), **golden})
    manifest["files"]["golden.json"] = hashlib.sha256(text.encode()).hexdigest()
    (directory / "golden.json").write_text(text, encoding="utf-8", newline="\n")
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        add_digest(pathlib.Path(name))
