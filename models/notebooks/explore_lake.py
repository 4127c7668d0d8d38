# Databricks notebook source
# MAGIC %md
# MAGIC # Explore the lake
# MAGIC What was decided, how late labels come, what moved. Everything is a function of `sentinela_lake.explore`.
# MAGIC
# MAGIC Here: set `SENTINELA_LAKE` to the `lake` directory of a run of `make loop`, and `SENTINELA_GOLD` to a gold snapshot
# MAGIC (`files/…/gold/served.parquet`). On Databricks: the addresses of the bundle's target.

# COMMAND ----------

import os
import pathlib

from sentinela_lake import explore, session
from sentinela_lake.stream import Lake

lake = Lake(session.start(), os.environ["SENTINELA_LAKE"], os.environ.get("SENTINELA_EXPORTS", ""))
gold = pathlib.Path(os.environ["SENTINELA_GOLD"])

# COMMAND ----------

# MAGIC %md
# MAGIC ## What was decided

# COMMAND ----------

decided = explore.decided(lake)
explore.plot_decided(decided)
print(decided)

# COMMAND ----------

# MAGIC %md
# MAGIC ## How late labels come
# MAGIC A model can only learn from what had arrived; a window that ends too late counts unreported frauds as legitimate.

# COMMAND ----------

delays = explore.delays(lake)
explore.plot_delays(delays)
print(delays.groupby(["source", "typology"], dropna=False)["hours"].describe())

# COMMAND ----------

# MAGIC %md
# MAGIC ## What moved

# COMMAND ----------

psi = explore.drift(gold, "payer")
explore.plot_drift(psi)
print(psi.head(15))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What was left out, and why

# COMMAND ----------

print(explore.left_out(lake))
