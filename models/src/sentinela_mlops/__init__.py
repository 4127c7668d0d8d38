"""Tracks, judges, approves and releases models: what stands between a training run and a version that decides.

The training itself is sentinela_models, the package that trains the shipped models. Spark is not needed: the gold table
is read as Parquet, in the layout of `pixctl vectors`.
"""
