"""The steps of the loop, in their order.

A replayed world stands beside the served payments: what the in-process cloud carries in minutes holds too few frauds
for a gate to tell models apart. The first champion learns from an early slice of that world, so that who learns from
more of it and from what was served can be better; the window by which both are judged is its last days.

Its fraud is boosted, and weights undo that where models are judged and calibrated. In the fit each fraud counts as one
payment: by weight, so few would be too little to learn from.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import pathlib
import shutil
import time
from collections.abc import Callable, Iterator

from deltalake import DeltaTable

from sentinela_loop import bundle, cloud
from sentinela_loop.result import Result
from sentinela_loop.runner import Runner
from sentinela_mlops import gold, poison
from sentinela_mlops.cli import CONTRACT
from sentinela_mlops.pixctl import Pixctl
from sentinela_mlops.registry import Registry
from sentinela_models import vectors
from sentinela_models.errors import Refused

ROLE, OTHER = "payer", "receiver"
POISON = "flipped"
LEFT_OUT = "0.0001"  # false positive rate that takes a larger window than a laptop replays
ASKED = 2000  # payments that a running scorer may be asked about, each once
SERVED = 9  # days ago, at most, when a served payment was made
BY, POLICY = "loop", "loop"


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is simulated and learnt."""

    payments: int = 3000  # through the in-process cloud
    accounts: int = 14_000  # of the replayed world
    days: int = 68
    boost: int = 500  # times the true share of fraud
    warmup: int = 30  # days that are replayed and not learnt from: until then the longest windows fill
    first: int = 38  # day at which the rows of the first champion end
    window: int = 12  # days by which a challenger is judged
    trees: int = 150
    seed: int = 11


def newest_model(versions: pathlib.Path) -> pathlib.Path:
    """Return the directory of the newest shipped model."""
    there = [p for p in versions.iterdir() if p.name.isdigit()]
    if not there:
        raise Refused(f"{versions} holds no model: run the loop from the repository")
    return max(there, key=lambda p: int(p.name))


class Loop:
    """One run, in a directory of its own; the MLflow store is that of all runs, and each has its own catalog there."""

    def __init__(self, out: pathlib.Path, pixctl: pathlib.Path, root: pathlib.Path, target: str, sizes: Sizes) -> None:
        self.began, self.pixctl, self.sizes = time.monotonic(), pixctl.absolute(), sizes
        self.today = datetime.datetime.now(datetime.UTC)
        stamp = self.today.strftime("%Y%m%d%H%M%S")
        self.run_dir = out.absolute() / f"run-{stamp}"
        self.run_dir.mkdir(parents=True)
        self.model = f"loop_{stamp}.models.{ROLE}"
        self.store = out.absolute() / "mlflow.db"
        self.result = Result(store=self.store)
        self.runner = Runner(bundle.read(root.absolute(), target), self.tell)
        self.shipped = newest_model(root.absolute() / OTHER)

    @property
    def exports(self) -> pathlib.Path:
        """Return where the cloud exports to."""
        return self.run_dir / "exports"

    @property
    def models(self) -> pathlib.Path:
        """Return the scorers' model store."""
        return self.run_dir / "models"

    @property
    def cut(self) -> str:
        """Return when the window begins: before it one learns, from it on one is judged."""
        return self.at(self.sizes.days - self.sizes.window)

    @property
    def fitted(self) -> dict[str, str]:
        """Return how every model is trained, as the job's parameters."""
        return {"trees": str(self.sizes.trees), "frauds": "whole", "by": BY}

    def at(self, days: int) -> str:
        """Return the moment so many days into the replayed world.

        The week that is served is its first after the warm-up, so it is learnt from; what a challenger saw last, and
        the window, are the replayed world's alone.
        """
        today = self.today.replace(hour=3, minute=0, second=0, microsecond=0)  # midnight in Brasília
        begin = today - datetime.timedelta(days=self.sizes.warmup + SERVED)
        return (begin + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def files(self, name: str = "files") -> pathlib.Path:
        """Return the directory that stands for the volume."""
        return self.run_dir / name

    def given(self, name: str = "files", **more: str) -> dict[str, str]:
        """Return what a job's parameters are here, where they are not the bundle's."""
        here = {"store": f"sqlite:///{self.store}", "files": str(self.files(name)), "pixctl": str(self.pixctl)}
        return here | more

    def tell(self, text: str) -> None:
        """Say how far it is."""
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", flush=True)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Tell of a part, and how long it took."""
        self.tell(f"== {name}")
        began = time.monotonic()
        yield
        self.result.seconds[name] = round(self.result.seconds.get(name, 0.0) + time.monotonic() - began, 1)

    def run(self) -> Result:
        """Run everything."""
        parts: list[tuple[str, Callable[[], None]]] = [
            ("replayed world", self.replay),
            ("first champion", self.first),
            ("decide and export", self.decide),
            ("Spark", self.lake),
            ("learn", self.learn),
            ("judge and promote", self.promote),
            ("poison", self.poisoned),
        ]
        with contextlib.ExitStack() as stack:
            for name, do in parts:
                with self.part(name):
                    if name == "judge and promote":
                        payments = cloud.outgoing(self.world / "events.jsonl", ASKED)
                        self.scorer = stack.enter_context(cloud.scorer(self.pixctl, self.models, payments))
                    do()
        return self.result

    @property
    def world(self) -> pathlib.Path:
        """Return the directory of the replayed world."""
        return self.run_dir / "world"

    def replay(self) -> None:
        """Simulate a world and compute its vectors as the scorer would. Its labels are cut where its last day ends."""
        s, out = self.sizes, self.world
        sized = ["-accounts", s.accounts, "-days", s.days, "-fraud-boost", s.boost, "-seed", s.seed]
        where = ["-start", self.at(0), "-out", str(out), "-json"]
        cloud.run(self.pixctl, "simulate", *(str(a) for a in sized), *where)
        given = {"events": "events", "labels": "labels", "statuses": "statuses", "weights": "truth"}
        files = [f"-{flag}={out / f'{name}.jsonl'}" for flag, name in given.items()]
        table = self.files() / self.model / "gold" / "replayed.parquet"
        table.parent.mkdir(parents=True)
        cloud.run(self.pixctl, "vectors", *files, f"-out={out / 'vectors.parquet'}", "-json")
        replayed = gold.read(out / "vectors.parquet", ROLE, vectors.read_contract(CONTRACT))
        gold.write(gold.known(replayed, self.at(s.days)), table, since=self.at(s.warmup))

    def first(self) -> None:
        """Train the first champion on the first days, put it into the model store beside the other role's model."""
        self.must("learn_payer", self.given(model=self.model), "ready")
        early = self.given(model=self.model, until=self.at(self.sizes.first), **self.fitted)
        (self.files() / self.model / "versions.json").write_text("{}")
        self.must("learn_payer", early, "train")
        common = ["--store", f"sqlite:///{self.store}", "--model", self.model, "--pixctl", str(self.pixctl)]
        for line in (["adopt", *common, "--version", "1"], ["reconcile", *common, "--models", str(self.models)]):
            self.models.mkdir(exist_ok=True)
            if not self.runner.task(line[0], "sentinela-mlops", line):
                raise Refused(f"{line[0]} of the first champion failed")
        go = Pixctl(self.pixctl)
        go.add(str(self.models), OTHER, self.shipped)
        go.promote(str(self.models), OTHER, self.shipped.name)
        self.result.champion_before = self.champion()

    def decide(self) -> None:
        """Decide payments in the in-process cloud, which exports decisions and labels."""
        told = cloud.run(
            self.pixctl, "demo", "-payments", str(self.sizes.payments), "-seed", str(self.sizes.seed),
            "-models", str(self.models), "-lake", str(self.exports), "-json",
        )  # fmt: skip
        decisions = set(rows(self.exports / "decisions", "end_to_end_id", "decided_at"))
        r = self.result
        r.decisions, r.exported = told["decided"], len({d[0] for d in decisions})
        r.labels = len(set(rows(self.exports / "labels", "end_to_end_id", "arrived_at")))
        r.lost = told["lost"] + r.decisions - r.exported
        r.doubled = told["duplicated"] + len(decisions) - r.exported  # a repeated row is no second decision
        r.served_before = next((v for v in told["model_version"].split() if v.startswith(ROLE)), "")

    def lake(self) -> None:
        """Run the bundle's job over the exports."""
        root = str(self.run_dir / "lake")
        self.must("lake", {"lake": root, "exports": str(self.exports)})
        ids = rows(self.run_dir / "lake" / "silver" / "decisions", "end_to_end_id")
        self.result.spark_rows = len(set(ids))
        self.result.lost += self.result.exported - self.result.spark_rows
        self.result.doubled += len(ids) - self.result.spark_rows

    def learn(self) -> None:
        """Run the bundle's job that makes gold and trains a challenger. By the cut every label has arrived."""
        later = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=90)).isoformat(timespec="seconds")
        given = self.given(model=self.model, lake=str(self.run_dir / "lake"), as_of=later, until=self.cut)
        self.must("learn_payer", given | self.fitted)

    def promote(self) -> None:
        """Run the deployment job on what was trained, beside a running scorer."""
        self.deploy("honest", {"shadow": self.watch_shadow})
        self.result.champion_after = self.champion()
        named = self.scorer.serves(ROLE, self.result.champion_after.partition("/")[2])
        self.result.served_version = " ".join(f"{ROLE}/{v}" for v in sorted(named))

    def watch_shadow(self) -> None:
        """Let the challenger score before it decides."""
        self.result.shadow_scores = self.scorer.shadowed(ROLE)

    def poisoned(self) -> None:
        """Train on spoilt rows, offer that, and look whether anything changed."""
        clean, spoilt = self.files() / self.model, self.files("spoilt") / self.model
        (spoilt / "gold").mkdir(parents=True)
        shutil.copyfile(clean / "versions.json", spoilt / "versions.json")
        if poison.main([POISON, "--in", str(clean / "gold"), "--out", str(spoilt / "gold" / "spoilt.parquet")]):
            raise Refused("the training rows could not be spoilt")
        given = self.given("spoilt", model=self.model, until=self.cut, **self.fitted)
        self.must("learn_payer", given, "train")
        self.deploy("poisoned", {})
        named = self.scorer.versions(ROLE)
        self.result.champion_after = self.champion()
        self.result.served_version = " ".join(f"{ROLE}/{v}" for v in sorted(named))

    def deploy(self, kind: str, after: dict[str, Callable[[], None]]) -> None:
        """Run the deployment job on the newest version, as its registration does on Databricks; note the verdict."""
        newest = self.registry().versions()[-1]
        given = self.given(
            model_name=self.model, model_version=newest.number, window=self.cut, policy=POLICY, leave_out=LEFT_OUT
        )
        failed = self.runner.run("deploy", given | {"models": str(self.models)}, after=after)
        path = self.files() / self.model / "gate" / newest.number / "gate.json"
        if not path.is_file():
            raise Refused(f"the gate gave no report of {newest.artefact}; what it said is above")
        report = json.loads(path.read_text(encoding="utf-8"))
        self.result.gate[kind] = {"version": newest.artefact, "verdict": report["verdict"], "failed": report["failed"]}
        if failed and report["verdict"] == "passed":
            raise Refused(f"the gate passed {newest.artefact}, but the task {failed} failed")

    def must(self, job: str, given: dict[str, str], *only: str) -> None:
        """Run a job, or some of its tasks, that has to succeed."""
        if failed := self.runner.run(job, given, only):
            raise Refused(f"task {failed} of the job {job} failed; what it said is above")

    def registry(self) -> Registry:
        """Open the registry."""
        return Registry(f"sqlite:///{self.store}", self.model)

    def champion(self) -> str:
        """Return ROLE/VERSION of the alias."""
        return f"{ROLE}/{self.registry().champion().artefact}"


def rows(table: pathlib.Path, *names: str) -> list[tuple]:
    """Read columns of a Delta table without Spark: another reader counts what Spark wrote."""
    try:
        read = DeltaTable(str(table)).to_pyarrow_table(columns=list(names))
        return list(zip(*(read[name].to_pylist() for name in names), strict=True))
    except Exception as e:  # delta-rs has no common class for what it refuses
        raise Refused(f"{table} is no Delta table that can be read: {e}") from e
