"""The Databricks bundle, without a workspace: it loads, its tasks can be called, and nobody may write our tables."""

import graphlib
import importlib
import pathlib
import re
import shutil

import pytest
import yaml

from sentinela_lake import cli as lake
from sentinela_loop import bundle
from sentinela_loop.runner import Runner
from sentinela_mlops import cli as mlops
from sentinela_models.errors import Refused

ROOT = pathlib.Path(__file__).parents[1]
TARGETS = ("dev", "staging", "prod")
PARSERS = {"sentinela-lake": lake.parser, "sentinela-mlops": mlops.parser}
# What Databricks would put in place of a reference, and what starts a deployment job.
TRIGGER = {"{{job.trigger.time.iso_date}}": "2026-11-30"}
STARTED_WITH = {"deploy": {"model_version": "7"}}
READS = {"READ_FILES", "SELECT", "USE_SCHEMA", "BROWSE"}


def read(target: str = "prod") -> bundle.Bundle:
    return bundle.read(ROOT, target)


JOBS = sorted(read().resources["jobs"])


@pytest.fixture
def copy(tmp_path) -> pathlib.Path:
    """Copy the bundle, to change it."""
    shutil.copytree(ROOT / "resources", tmp_path / "resources")
    for name in ("databricks.yml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def change(root: pathlib.Path, name: str, old: str, new: str) -> None:
    path = root / "resources" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_read_by_databricks_own_types(target):
    b = read(target)
    assert set(JOBS) == {"lake", "learn_payer", "learn_receiver", "deploy", "watch_payer", "watch_receiver"}
    assert b.resources["experiments"]["payer"].name == f"/Shared/sentinela_{target}.models.payer"
    assert not re.search(r"\$\{", repr(b.resources))  # nothing is left to be resolved


def test_one_resource_a_file():
    files = read().files
    assert {name: held for name, held in files.items() if len(held) != 1} == {}
    assert set(files) == {p.name for p in (ROOT / "resources").glob("*.yml")}


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("job_lake.yml", "max_concurrent_runs", "max_concurent_runs", "max_concurent_runs"),
        ("volume_files.yml", "volume_type: MANAGED", "volume_type: MANAGD", "MANAGD"),
        ("job_lake.yml", "${var.readers}", "${var.readrs}", "var.readrs"),
        ("model_payer.yml", "registered_models:", "registred_models:", "registred_models"),
    ],
)
def test_what_databricks_would_refuse_is_refused_here(copy, name, old, new, says):
    change(copy, name, old, new)
    with pytest.raises(Refused, match=says):
        bundle.read(copy, "prod")


@pytest.mark.parametrize("name", JOBS)
def test_every_task_is_a_command_of_the_wheel_that_takes_its_parameters(name):
    b, points = read(), bundle.entry_points(ROOT)
    job = b.job(name)
    given = bundle.defaults(job) | STARTED_WITH.get(name, {})
    for task in bundle.ordered(job):
        wheel = task.python_wheel_task
        assert wheel.package_name.replace("_", "-") == "sentinela-models"
        module, function = points[wheel.entry_point].split(":")
        assert callable(getattr(importlib.import_module(module), function))
        line = bundle.arguments(task, given)
        for reference, value in TRIGGER.items():
            line = [part.replace(reference, value) for part in line]
        assert not any("{{" in part for part in line), line
        PARSERS[wheel.entry_point]().parse_args(line)  # ends the test where it would end the task


@pytest.mark.parametrize("name", JOBS)
def test_every_parameter_is_used_and_every_reference_is_a_parameter(name):
    job = read().job(name)
    used = {p for t in job.tasks for part in t.python_wheel_task.parameters for p in bundle.PARAMETER.findall(part)}
    assert used == set(bundle.defaults(job))


@pytest.mark.parametrize("name", JOBS)
def test_tasks_come_after_those_that_they_depend_on(name):
    done = set()
    for task in bundle.ordered(read().job(name)):
        assert {d.task_key for d in task.depends_on} <= done
        done.add(task.task_key)


def test_a_circle_and_a_stranger_are_refused(copy):
    change(
        copy,
        "job_lake.yml",
        "        - task_key: bronze\n",
        "        - task_key: bronze\n          depends_on: [{task_key: silver}]\n",
    )
    with pytest.raises(Refused, match="wait for each other"):
        bundle.ordered(bundle.read(copy, "prod").job("lake"))
    change(copy, "job_lake.yml", "{task_key: silver}", "{task_key: slver}")
    with pytest.raises(Refused, match="slver"):
        bundle.ordered(bundle.read(copy, "prod").job("lake"))
    assert issubclass(graphlib.CycleError, ValueError)


def privileges(resource) -> dict[str, set[str]]:
    return {g.principal: {p.value for p in g.privileges} for g in resource.grants}


@pytest.mark.parametrize("target", TARGETS)
def test_databricks_reads_our_tables_and_never_writes_them(target):
    b = read(target)
    exports, schema = b.resources["external_locations"]["exports"], b.resources["schemas"]["export"]
    assert exports.read_only is True
    for resource in (exports, schema):
        assert privileges(resource)
        assert all(given <= READS for given in privileges(resource).values())
    for name, other in b.resources["external_locations"].items():  # no other location reaches the exports
        assert name == "exports" or not (
            exports.url.startswith(other.url.rstrip("/") + "/") or other.url.startswith(exports.url)
        )
    assert "catalogs" not in yaml.safe_dump([bundle.load(p) for p in (ROOT / "resources").glob("*.yml")])
    jobs = [j for j in b.resources["jobs"].values() if exports.url in repr(j)]
    assert [j.name for j in jobs] == [b.job("lake").name]
    assert "--exports" in repr(jobs[0])


@pytest.mark.parametrize("target", TARGETS)
def test_who_may_do_what(target):
    b = read(target)
    principal, approvers, readers = f"sentinela-learning-{target}", "fraud-model-approvers", "data-scientists"
    for job in b.resources["jobs"].values():
        assert job.run_as.service_principal_name == principal
        assert {p.group_name: p.level.value for p in job.permissions} == {
            approvers: "CAN_MANAGE_RUN",
            readers: "CAN_VIEW",
        }
    for experiment in b.resources["experiments"].values():
        assert {p.group_name or p.service_principal_name for p in experiment.permissions} == {
            principal,
            approvers,
            readers,
        }
    for model in b.resources["registered_models"].values():
        given = privileges(model)
        assert "APPLY_TAG" in given[approvers]  # an approval is a tag
        assert given[readers] == {"EXECUTE"}
        assert [who for who, what in given.items() if "MANAGE" in what] == [
            principal
        ]  # aliases are moved by the job alone


@pytest.mark.parametrize("target", TARGETS)
def test_only_production_runs_by_itself_and_by_the_clock_of_brasilia(target):
    b = read(target)
    wanted = "UNPAUSED" if target == "prod" else "PAUSED"
    for name, job in b.resources["jobs"].items():
        if name == "deploy":
            assert job.schedule is None and job.trigger is None  # a new version of a model starts it
        elif name == "lake":
            assert job.trigger.pause_status.value == wanted
            tables = [f"sentinela_{target}.export.{t}" for t in ("decisions", "labels", "alerts")]
            assert job.trigger.table_update.table_names == tables
        else:
            assert job.schedule.timezone_id == "America/Sao_Paulo"
            assert job.schedule.pause_status.value == wanted


def test_no_deployment_leaves_out_a_false_positive_rate_by_itself():
    for target in TARGETS:
        assert bundle.defaults(read(target).job("deploy"))["leave_out"] == ""


@pytest.mark.parametrize("target", TARGETS)
def test_deployment_is_evaluation_then_shadow_then_approval(target):
    b = read(target)
    job = b.job("deploy")
    assert [t.task_key for t in bundle.ordered(job)] == ["evaluation", "shadow", "approval", "deployment"]
    assert {"model_name", "model_version"} <= set(bundle.defaults(job))  # what MLflow gives
    assert bundle.defaults(job)["policy"] == ("dev-auto" if target == "dev" else "")  # a person, but in dev
    assert all(not t.max_retries and t.run_if is None for t in job.tasks)  # a refusal is no fault to try again
    ready = bundle.ordered(b.job("learn_payer"))[0].python_wheel_task.parameters
    assert ready[ready.index("--deployment-job") + 1] == "deploy"


def test_clusters_have_the_versions_that_are_locked_here():
    lock = (ROOT / "requirements-lake.txt").read_text()
    for job in read().resources["jobs"].values():
        for task in job.tasks:
            for library in task.libraries:
                assert not library.pypi or f"\n{library.pypi.package} " in lock


def test_a_runner_stops_at_what_fails_and_leaves_out_what_is_not_wanted(monkeypatch):
    said, ran = [], []
    runner = Runner(read("dev"), said.append)
    monkeypatch.setattr(runner, "task", lambda what, point, line: ran.append(what) or not what.endswith("approval"))
    assert runner.run("deploy", {"model_version": "3"}, after={"shadow": lambda: ran.append("seen")}) == "approval"
    assert ran == ["deploy/evaluation", "deploy/shadow", "seen", "deploy/approval"]
    ran.clear()
    assert runner.run("learn_payer", {}, only=("train",)) == ""
    assert ran == ["learn_payer/train"]
    with pytest.raises(Refused, match="no parameter modell"):
        runner.run("learn_payer", {"modell": "x"})


def test_a_task_fails_as_its_command_does(capsys, tmp_path):
    runner = Runner(read("dev"), lambda _: None)
    line = ["status", "--store", f"sqlite:///{tmp_path}/none.db", "--model", "a.b.payer"]
    assert not runner.task("x", "sentinela-mlops", line)
    assert "there is no MLflow store" in capsys.readouterr().err
    assert list(runner.seconds) == ["x"]
