# Databricks notebook source
# MAGIC %md
# MAGIC # Train and compare a challenger
# MAGIC The same functions as the job `learn` and the gate, with other settings. What is registered here goes through the
# MAGIC deployment job like any other version: nothing that is done in a notebook puts a model in force.
# MAGIC
# MAGIC `MLFLOW_TRACKING_URI`, `SENTINELA_MODEL` (CATALOG.SCHEMA.payer), `SENTINELA_GOLD` (snapshot, or a directory of them),
# MAGIC `SENTINELA_EXPECTATIONS` (the report of the gold job), `SENTINELA_CUT` (where the window begins) and `SENTINELA_PIXCTL`
# MAGIC say where things are.

# COMMAND ----------

import os
import pathlib

from sentinela_mlops import plots, release, training
from sentinela_mlops.cli import CONTRACT
from sentinela_mlops.pixctl import Pixctl
from sentinela_mlops.registry import Registry

registry = Registry(os.environ["MLFLOW_TRACKING_URI"], os.environ["SENTINELA_MODEL"])
pixctl = Pixctl(pathlib.Path(os.environ["SENTINELA_PIXCTL"]))
gold, cut = pathlib.Path(os.environ["SENTINELA_GOLD"]), os.environ["SENTINELA_CUT"]
expectations = pathlib.Path(os.environ["SENTINELA_EXPECTATIONS"])

# COMMAND ----------

# MAGIC %md
# MAGIC ## Train
# MAGIC Only on what lies before the cut.

# COMMAND ----------

settings = {
    "trees": int(os.environ.get("SENTINELA_TREES", "150")),
    "leaves": int(os.environ.get("SENTINELA_LEAVES", "31")),
}
request = training.Request(gold, CONTRACT, until=cut, by="notebook", **settings)
challenger = training.run(request, registry, pixctl)
print(challenger.artefact, challenger.tags)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Compare with the champion
# MAGIC Every check with figure, bound and verdict; the verdict is written on the version, as the job would.

# COMMAND ----------

case = release.Case(gold, CONTRACT, since=cut, expectations=expectations)
report = release.judge(registry, challenger, case, pixctl)
plots.gate(report)
print(report.table())
