"""From training to promotion and back, in a store of MLflow and a model store on disk, with pixctl."""

import json
import pathlib
import shutil

import mlflow
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from mlops_world import (
    CONTRACT,
    CUT,
    EARLY,
    LEAVES,
    LEFT_OUT,
    NEWEST,
    TREES,
    champion,
    contract,
    honest,
    pixctl,
    report_expectations,
    shared,
    window,
    world,
)

from sentinela_mlops import artefacts, cli, gold, release, watch
from sentinela_mlops.pixctl import Pixctl
from sentinela_mlops.registry import CHALLENGER, CHAMPION, Registry
from sentinela_models.errors import Refused

MODEL = "sentinela.dev.payer"


class Place:
    """A store of MLflow, a model store, and the command line on them."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root, self.models = root, root / "models"
        self.models.mkdir(parents=True)
        self.store = f"sqlite:///{root}/mlflow.db"
        self.gold = root / "gold.parquet"
        pq.write_table(world(), self.gold)
        report_expectations(root / "expectations.json", self.gold)
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (root / "private.pem").write_bytes(private)
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (root / "keys.pem").write_bytes(public)

    def run(self, command: str, *args: str) -> int:
        fixed = ["--store", self.store, "--model", MODEL, "--pixctl", str(pixctl().binary)]
        return cli.main([command, *fixed, *args])

    def registry(self) -> Registry:
        return Registry(self.store, MODEL)

    def train(self, version: str, until: str) -> int:
        known = contract(self.root, *([NEWEST] if version == "1" else []))
        rows = ["--gold", str(self.gold), "--until", until, "--contract", str(known)]
        size = ["--trees", str(TREES), "--leaves", str(LEAVES)]
        signed = ["--signing-key", str(self.root / "private.pem")] if version == "2" else []
        return self.run("train", *rows, "--version", version, *size, *signed, "--by", "ana")

    def gate(self, version: str) -> int:
        expectations = ["--expectations", str(self.root / "expectations.json"), "--out", str(self.root / "out")]
        return self.run(
            "gate",
            "--version",
            version,
            "--gold",
            str(self.gold),
            "--from",
            CUT,
            "--leave-out",
            LEFT_OUT,
            *expectations,
        )

    def put(self, command: str, version: str) -> int:
        return self.run(command, "--version", version, "--models", str(self.models))

    def serves(self) -> tuple[str, list[str]]:
        now = pixctl().current(str(self.models), "payer")
        return now["version"], now.get("challengers", [])


@pytest.fixture(scope="module")
def judged(tmp_path_factory) -> Place:
    """Make a champion and a judged challenger, once: tests go on from what the one before left."""
    p = Place(tmp_path_factory.mktemp("place"))
    assert p.run("init") == 0
    assert p.train("1", EARLY) == 0
    assert p.run("adopt", "--version", "1") == 0
    assert p.train("2", CUT) == 0
    assert p.gate("2") == 0
    return p


def test_a_version_says_where_it_comes_from(judged):
    v = judged.registry().by_artefact("2")
    assert {"data_sha256", "feature_set", "code_version", "trained_by", "artefact_sha256"} <= set(v.tags)
    assert v.tags["gate"] == "passed" and v.tags["gate_artefact_sha256"] == v.tags["artefact_sha256"]
    run = mlflow.MlflowClient(judged.store).get_run(v.run_id).data
    assert run.params["training_rows"] and run.metrics["fpr_0.001/recall"] > 0.5
    assert "typology/mule_account_recall" in run.metrics and "calibration/ece" in run.metrics
    about = mlflow.MlflowClient(judged.store).get_model_version(MODEL, v.number).description
    assert about.startswith("payer/2: ") and "Gate: **passed**" in about
    report = json.loads((judged.root / "out" / "gate.json").read_text())
    assert report["verdict"] == "passed"


def test_what_mlflow_loads_scores_as_the_artefact(judged):
    judged.registry()
    model = mlflow.pyfunc.load_model(f"models:/{MODEL}@champion")
    w = window(shared())
    frame = pa.table({n: w.rows.x[:50, i] for i, n in enumerate(CONTRACT.features)}).to_pandas()
    raw, probability = artefacts.read(champion().directory).score(w.rows.x[:50], w.rows.features)
    got = model.predict(frame)
    assert np.abs(got["probability"] - probability).max() < 1e-12 and np.abs(got["raw"] - raw).max() < 1e-12


def test_only_signed_models_are_released_where_keys_are_given(judged, monkeypatch, capsys):
    """The key in training signs version 2; version 1 has no signature, and pixctl refuses it."""
    reg, keys = judged.registry(), judged.root / "keys.pem"
    asks = Pixctl(pixctl().binary, keys)
    release.genuine(reg, reg.by_artefact("2"), asks)
    with pytest.raises(Refused, match="only signed models"):
        release.genuine(reg, reg.by_artefact("1"), asks)
    monkeypatch.setenv("MODEL_SIGNING_KEYS", str(keys))  # as the scorers have it
    assert judged.put("release", "2") == 1 and "only signed models" in capsys.readouterr().err
    assert not list(judged.models.iterdir())  # the champion is not signed, so nothing was written
    reg.move(CHALLENGER, None)


def test_promotion_and_back(judged, capsys):
    """Nothing is promoted that was not judged, released and approved by another; each step may be repeated."""
    reg, p = judged.registry(), judged
    assert p.put("promote", "2") == 1 and "release it first" in capsys.readouterr().err
    assert p.put("release", "2") == 0 and p.put("release", "2") == 0
    assert p.serves() == ("1", ["2"])
    assert p.put("promote", "2") == 1 and "nobody has approved" in capsys.readouterr().err
    assert p.run("approve", "--version", "2", "--by", "ana") == 1 and "trained 2" in capsys.readouterr().err
    assert p.run("approve", "--version", "2", "--by", "policy:x") == 1
    assert p.run("approve", "--version", "2", "--by", "bia") == 0
    assert p.run("reject", "--version", "2", "--by", "bia") == 0
    assert p.put("promote", "2") == 1 and p.serves() == ("1", ["2"])
    assert p.run("approve", "--version", "2", "--by", "bia") == 0

    class Away(Pixctl):
        def add(self, *args: object) -> dict:
            raise Refused("the store is away")

    with pytest.raises(Refused):  # the alias has moved, the store has not
        release.promote(reg, reg.by_artefact("2"), str(p.models), Away(pixctl().binary))
    assert reg.at(CHAMPION).artefact == "2" and p.serves() == ("1", ["2"])
    for _ in range(2):
        assert p.run("reconcile", "--models", str(p.models)) == 0
        assert p.serves() == ("2", [])
    pixctl().rollback(str(p.models), "payer", "2")  # the other way round: somebody moved the store alone
    assert p.put("promote", "2") == 0 and p.serves() == ("2", []) and reg.at(CHALLENGER) is None

    assert p.put("rollback", "1") == 1 and "1 is not the champion" in capsys.readouterr().err
    assert p.put("rollback", "2") == 0 and p.serves() == ("1", [])
    assert p.put("rollback", "2") == 1 and p.serves() == ("1", [])
    assert p.put("rollback", "1") == 1 and "first champion" in capsys.readouterr().err
    assert p.put("release", "2") == 0 and p.put("promote", "2") == 1  # what was left needs a new approval
    assert p.run("approve", "--version", "2", "--by", "auto", "--policy") == 0
    assert reg.by_artefact("2").tags["approved_by"] == "policy:auto"
    assert p.run("status", "--json") == 0


def test_a_refusal_is_exit_code_1_and_voids_an_approval(judged, capsys):
    p = judged
    report_expectations(p.root / "expectations.json", p.gold, "vector_length failed for 3 rows")
    try:
        assert p.gate("2") == 1
    finally:
        report_expectations(p.root / "expectations.json", p.gold)
    assert "vector_length" in capsys.readouterr().out
    v = p.registry().by_artefact("2")
    assert v.tags["gate"] == "refused" and "approval" not in v.tags
    assert p.put("release", "2") == 1 and "data expectations" in capsys.readouterr().err


def test_an_artefact_changed_in_the_registry_is_not_promoted(judged, monkeypatch):
    reg = judged.registry()
    fetch = reg.fetch

    def other(v, root):
        found = fetch(v, root)
        shutil.copyfile(honest().directory / "manifest.json", found.directory / "manifest.json")
        return found

    monkeypatch.setattr(reg, "fetch", other)
    with pytest.raises(Refused, match="not those that were registered"):
        release.genuine(reg, reg.by_artefact("1"), pixctl())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.drop_columns(["amount_brl"]), "no column amount_brl"),
        (lambda t: t.slice(0, 0), "no gold row"),
        (
            lambda t: t.set_column(3, "label", pa.array([None] * t.num_rows, pa.float64())),
            "label",
        ),
        (
            lambda t: t.set_column(3, "label", pa.array(np.full(t.num_rows, np.nan), pa.float64())),
            "label",
        ),
        (lambda t: pa.concat_tables([t, t.slice(t.num_rows - 1)]), "twice"),
    ],
)
def test_bad_gold_is_refused_and_changes_nothing(judged, tmp_path, capsys, change, says):
    bad = tmp_path / "bad.parquet"
    pq.write_table(change(world()), bad)
    before = judged.registry().by_artefact("2").tags
    args = ["--version", "2", "--gold", str(bad), "--from", CUT]
    assert judged.run("gate", *args, "--expectations", str(judged.root / "expectations.json")) == 1
    assert says in capsys.readouterr().err
    assert judged.registry().by_artefact("2").tags == before


def test_stores_that_are_not_there(judged, tmp_path, capsys):
    fixed = ["--model", MODEL, "--pixctl", str(pixctl().binary)]
    assert cli.main(["status", "--store", f"sqlite:///{tmp_path}/none.db", *fixed]) == 1
    assert "make one with `init`" in capsys.readouterr().err and not (tmp_path / "none.db").exists()
    assert judged.run("release", "--version", "9", "--models", str(judged.models)) == 1
    assert "no version 9" in capsys.readouterr().err
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1 and no more")
    with pytest.raises(Refused, match="not Parquet"):
        gold.read(damaged, "payer", CONTRACT)
    with pytest.raises(SystemExit) as usage:
        judged.run("gate")
    assert usage.value.code == 2


def test_served_scores_against_labels(judged, tmp_path):
    w = window(shared())
    raw, probability = artefacts.read(honest().directory).score(w.rows.x, w.rows.features)
    table = pq.read_table(w.table).append_column("raw", [raw]).append_column("probability", [probability])
    families = {n: "one" for n in CONTRACT.features}
    threshold = float(np.quantile(raw[w.rows.label == 0], 0.999))
    frame = watch.table(table, threshold, honest().learnt.profile, families)
    assert frame["payments"].sum() == pytest.approx(w.rows.weight.sum())
    assert frame["confirmed"].sum() == pytest.approx((w.rows.weight * w.rows.label)[raw >= threshold].sum())
    assert frame["recall"].mean() > 0.5 and (frame["psi_one"] < 0.5).all()
    with pytest.raises(Refused, match="no column raw"):
        watch.table(table.drop_columns(["raw"]), threshold, honest().learnt.profile, families)
    served, out = tmp_path / "served.parquet", tmp_path / "watch.parquet"
    pq.write_table(table, served)
    assert judged.run("watch", "--version", "2", "--served", str(served), "--out", str(out)) == 0
    assert pq.read_table(out).num_rows == len(frame)
    run = mlflow.search_runs(experiment_names=[judged.registry().experiment], filter_string="tags.step = 'watch'")
    assert run["metrics.payments"].iloc[0] > 0
