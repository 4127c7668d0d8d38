"""Digests the trees of a model as LightGBM itself reads them: what the scorer's own reading of model.txt must be.

Golden vectors prove leaves and thresholds one at a time: values moved together may leave every vector's score as it is.
The digest holds all of them at once. It is the sha256 of, in the order of the trees and of each from the root down, the
left side before the right, integers and IEEE 754 doubles with the most significant byte first:

    split  0x01, feature (u32), threshold (f64), missing (u8: 0 none, 1 zero, 2 NaN), default left (u8), rows (u64)
    leaf   0x02, value (f64), rows (u64)

A threshold beyond +-1e300 counts as +-1e300, as LightGBM's dump has it; zero has no sign; a tree that is one leaf has
no count of rows, which is 0 here. shared/scoring/digest.go computes the same from the text.
"""

from __future__ import annotations

import hashlib
import struct

import lightgbm as lgb

FAR = 1e300
MISSING = {"None": 0, "Zero": 1, "NaN": 2}
SPLIT, LEAF = struct.Struct(">BIdBBQ"), struct.Struct(">BdQ")


def trees_sha256(booster: lgb.Booster) -> str:
    """Return the digest of all trees, from LightGBM's dump of what it holds."""
    out = hashlib.sha256()
    for tree in booster.dump_model(num_iteration=-1)["tree_info"]:
        todo, single = [tree["tree_structure"]], "left_child" not in tree["tree_structure"]
        while todo:
            n = todo.pop()
            if "left_child" not in n:
                out.update(LEAF.pack(2, n["leaf_value"] + 0.0, 0 if single else n["leaf_count"]))
                continue
            # A categorical split, which the scorer refuses, has a list of categories where others have a number.
            threshold = n["threshold"] if n["decision_type"] == "<=" else 0
            threshold = min(max(threshold, -FAR), FAR) + 0.0
            missing, default_left = MISSING[n["missing_type"]], n["default_left"]
            out.update(SPLIT.pack(1, n["split_feature"], threshold, missing, default_left, n["internal_count"]))
            todo += [n["right_child"], n["left_child"]]
    return out.hexdigest()
