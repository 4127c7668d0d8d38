"""What the model card says of the version before: the figures of two manifests that saw the same payments."""

from __future__ import annotations

import json
import pathlib

Row = tuple[str, float, float]  # what was measured, before, now


def shipped(models: pathlib.Path, role: str, version: str) -> dict | None:
    """Return the manifest of the newest version but this one in a directory of <role>/<version>, None without any."""
    others = [d for d in (models / role).iterdir() if d.name.isdigit() and d.name != version]
    if not others:
        return None
    newest = max(others, key=lambda d: int(d.name))
    return json.loads((newest / "manifest.json").read_text(encoding="utf-8"))


def comparable(old: dict, new: dict) -> bool:
    """Say whether both were trained and measured on the same payments: slices alike, and the truth of one world."""
    truth = [m.get("lineage", {}).get("evaluation_truth_sha256") for m in (old, new)]
    slices = [
        [m[name][k] for name in ("training", "validation", "evaluation") for k in ("from", "to", "rows", "positives")]
        for m in (old, new)
    ]
    return truth[0] is not None and truth[0] == truth[1] and slices[0] == slices[1]


def rows(old: dict, new: dict) -> list[Row]:
    """List what both manifests state, all of it shares: the better and the worse."""
    before, now = old["evaluation"], new["evaluation"]
    out = [("average precision", before["average_precision"], now["average_precision"])]
    out.append(("AUC", before["auc"], now["auc"]))
    later = {t["fpr"]: t for t in new["thresholds"]}
    for t in old["thresholds"]:
        if t["fpr"] in later:
            out += [
                (f"{kind} at FPR {t['fpr']:.2%}", t[kind], later[t["fpr"]][kind]) for kind in ("recall", "precision")
            ]
    for name, recall in before["recall_by_typology"].items():
        if name in now["recall_by_typology"]:
            label = f"recall at FPR 0.10%, {name.replace('_', ' ')}"
            out.append((label, recall, now["recall_by_typology"][name]))
    return out
