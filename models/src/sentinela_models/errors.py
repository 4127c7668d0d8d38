"""The one error that a command turns into a sentence and exit code 1."""


class Refused(Exception):  # noqa: N818 - it names an outcome, as the scorer does
    """Input or result is not good enough to go on; the text says why in one sentence."""
