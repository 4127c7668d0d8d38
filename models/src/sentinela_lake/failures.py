"""Turns what Spark throws into one sentence. Spark's own texts are not passed on: some of them hold rows."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from sentinela_models.errors import Refused

STAYS = "nothing of this batch was kept and the tables stay as they were"
PARQUET = re.compile(r"[^\s'\"`\[\](),]+\.parquet")
DEEPEST = 20  # causes of causes that are looked at
CONDITION = re.compile(r"\[([A-Z][A-Z0-9_.]{3,80})\]")
# The first that is found in the text decides.
SENTENCES = (
    (
        ("FAILED_READ_FILE", "CANNOT_READ_FILE_FOOTER", "is not a Parquet file", "DELTA_FILE_NOT_FOUND"),
        "the data file {file} cannot be read: it is damaged or gone; restore it",
    ),
    (
        ("DELTA_SOURCE_TABLE_IGNORE_CHANGES", "DELTA_SOURCE_IGNORE_DELETE"),
        "somebody changed or deleted rows of it, which an export never does; build a new lake from it once it is right",
    ),
    (
        ("DELTA_SCHEMA_CHANGED", "DELTA_STREAMING_INCOMPATIBLE_SCHEMA_CHANGE", "DELTA_FAILED_TO_MERGE_FIELDS"),
        "its columns changed in a way that is not an addition; put them back",
    ),
    (
        ("Partition", "offset was changed"),
        "records of the topic are gone that were not read yet: its retention is shorter than the pause between runs",
    ),
)


def sentence(text: str) -> str:
    """Say what happened, from the text of an exception."""
    found = PARQUET.search(text)
    for marks, said in SENTENCES:
        if any(m in text for m in marks) and (marks[0] != "Partition" or marks[1] in text):
            return said.format(file=found.group() if found else "(not named)")
    names = [name for name in CONDITION.findall(text) if name != "STREAM_FAILED"]  # that one has a cause of its own
    return f"Spark gave up with {names[0] if names else 'an error without a name'}"


def whole(error: Exception) -> str:
    """Return the texts of an exception and of its causes in the JVM: a failed stream does not tell why itself."""
    texts, cause = [str(error)], getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    for _ in range(DEEPEST):
        if cause is None:
            break
        texts.append(cause.getMessage() or "")
        cause = cause.getCause()
    return "\n".join(texts)


RESTARTABLE = (
    # The source has a new schema, which a stream reads after a restart.
    "DELTA_SCHEMA_CHANGED",
    "DELTA_STREAMING_METADATA_EVOLUTION",
    # Spark 4.1's Kafka source has no latest offset to report once it has repeated the batch that a crash left; that
    # batch is done, and a restart goes on after it.
    'the return value of "scala.Option.get()" is null',
)


def restartable(error: Exception) -> bool:
    """Report whether a stream stopped although nothing is wrong, and goes on when started again."""
    return any(mark in whole(error) for mark in RESTARTABLE)


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Refuse with a sentence about `what` in place of Spark's exception."""
    try:
        yield
    except (PySparkException, Py4JError) as e:
        raise Refused(f"{what}: {sentence(whole(e))}; {STAYS}") from None
