"""The learning loop on one machine: runs the bundle's own jobs over what the in-process cloud decided.

What is deployed to Databricks is what runs here: tasks, parameters and order come from models/databricks.yml.
"""
