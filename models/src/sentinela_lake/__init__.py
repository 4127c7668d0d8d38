"""The lake: what was decided and what became known, from the exports and from Kafka to the rows a model learns from.

bronze keeps what arrived with where it came from, silver holds one row per key, gold joins the vector as served with
the labels as known at a cut. Everything is a Delta table, and every step may be repeated.
"""
