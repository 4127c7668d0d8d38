"""Reads artefacts: model.txt, manifest.json and golden.json in a directory named ROLE/VERSION."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
import shutil

import lightgbm as lgb
import numpy as np

from sentinela_models import coverage, golden, limits, reference, scores, vectors
from sentinela_models.calibration import Calibration
from sentinela_models.errors import Refused

FILES = ("model.txt", "golden.json", "manifest.json")
SIGNATURE = "manifest.json.sig"
OPTIONAL = (SIGNATURE, reference.FILE)


@dataclasses.dataclass(frozen=True)
class Artefact:
    """One version as its files say."""

    directory: pathlib.Path
    manifest: dict
    text: str
    sha256: str  # of manifest.json, which holds the hashes of the other two

    @property
    def name(self) -> str:
        """Return ROLE/VERSION."""
        return f"{self.manifest['role']}/{self.manifest['version']}"

    @property
    def fitted_until(self) -> str:
        """Return the moment of the newest row that the fit saw, RFC 3339."""
        ends = (self.manifest["training"]["to"], self.manifest["validation"]["to"])
        return vectors.iso(max(scores.micros(end) for end in ends))

    def score(self, x: np.ndarray, columns: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return raw scores and probabilities, by LightGBM, of rows whose columns may be more than the model names."""
        if missing := [name for name in self.manifest["features"] if name not in columns]:
            raise Refused(f"{self.name} reads {', '.join(missing[:3])}, which the rows do not have")
        x = x[:, [columns.index(name) for name in self.manifest["features"]]]
        try:
            booster = lgb.Booster(model_str=self.text)
            raw = np.asarray(booster.predict(x, raw_score=True, num_threads=2), dtype=float)
        except lgb.basic.LightGBMError as e:
            raise Refused(f"LightGBM cannot read {self.name}: {e}") from e
        c = self.manifest["calibration"]
        return raw, Calibration(c["type"], c["a"], c["b"]).probability(raw)

    def size_refusal(self) -> str:
        """Return why the scorer would find it too large, or an empty text."""
        try:
            limits.check_model(self.text, len(self.manifest["features"]), golden.ROWS, golden.CONTRIBUTION_ROWS)
        except Refused as e:
            return str(e)
        return ""

    def covered(self) -> bool:
        """Tell whether the golden vectors meet every split and leaf."""
        doc = json.loads((self.directory / "golden.json").read_text(encoding="utf-8"))
        rows = np.array([[golden.decode(v) for v in row] for row in doc["vectors"]])
        return len(rows) >= golden.ROWS and coverage.covers(self.text, rows)


def digest(data: bytes) -> str:
    """Return a sha256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read(directory: pathlib.Path) -> Artefact:
    """Read a directory; what its files say is not verified here, pixctl does that."""
    if missing := [name for name in FILES if not (directory / name).is_file()]:
        raise Refused(f"{directory} is no artefact: {', '.join(missing)} is missing")
    try:
        data = (directory / "manifest.json").read_bytes()
        manifest = json.loads(data)
        text = (directory / "model.txt").read_text(encoding="utf-8")
        names = (manifest["role"], manifest["version"], manifest["calibration"]["type"], manifest["validation"]["to"])
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise Refused(f"{directory}/manifest.json cannot be read: it is damaged, export the model again") from e
    if not all(isinstance(n, str) for n in names):
        raise Refused(f"{directory}/manifest.json cannot be read: role, version or times are no text")
    return Artefact(directory, manifest, text, digest(data))


def copy(source: pathlib.Path, root: pathlib.Path) -> pathlib.Path:
    """Copy an artefact to ROOT/ROLE/VERSION, as pixctl wants it named."""
    a = read(source)
    out = root / a.manifest["role"] / a.manifest["version"]
    out.mkdir(parents=True)
    for name in (*FILES, *OPTIONAL):
        if (source / name).is_file():
            shutil.copyfile(source / name, out / name)
    return out
