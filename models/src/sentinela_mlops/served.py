"""What MLflow loads: the artefact's own model.txt and calibration, through LightGBM. Stored as code, not pickled."""

import json
import pathlib

import lightgbm
import mlflow
import numpy as np
import pandas as pd


class Served(mlflow.pyfunc.PythonModel):
    """Scores rows of features as the artefact would: raw log-odds and calibrated probability."""

    def load_context(self, context) -> None:
        """Read the files."""
        directory = pathlib.Path(context.artifacts["artefact"])
        self.booster = lightgbm.Booster(model_file=str(directory / "model.txt"))
        self.manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))

    def predict(self, context, model_input: pd.DataFrame, params: dict | None = None) -> pd.DataFrame:
        """Return raw and probability for each row; NaN is a missing feature."""
        rows = model_input[self.manifest["features"]].to_numpy(dtype=float)
        raw = np.asarray(self.booster.predict(rows, raw_score=True), dtype=float)
        c = self.manifest["calibration"]
        return pd.DataFrame({"raw": raw, "probability": 1 / (1 + np.exp(-(c["a"] * raw + c["b"])))})


mlflow.models.set_model(Served())
