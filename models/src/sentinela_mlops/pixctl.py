"""Asks pixctl: what the Go side says of an artefact counts, because the Go side serves it."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import subprocess

from sentinela_models.errors import Refused

TIMEOUT = 600  # seconds; the longest is to score a table


@dataclasses.dataclass(frozen=True)
class Pixctl:
    """The command, and the file of keys that must have signed what is released."""

    binary: pathlib.Path
    keys: pathlib.Path | None = None

    def run(self, *args: str) -> dict:
        """Run a subcommand that prints one JSON object."""
        said = self.say(*args, "-json")
        try:
            return json.loads(said)
        except ValueError as e:
            raise Refused(f"pixctl {args[0]} printed no JSON: is {self.binary} an older build?") from e

    def say(self, *args: str) -> str:
        """Run a subcommand and return what it prints, or refuse with its sentence."""
        name = " ".join(a for a in args[:2] if not a.startswith("-"))
        try:
            done = subprocess.run(
                [str(self.binary), *args], capture_output=True, text=True, timeout=TIMEOUT, check=False
            )
        except OSError as e:
            raise Refused(f"pixctl cannot be run at {self.binary}: {e.strerror}; build it with make build") from e
        except subprocess.TimeoutExpired as e:
            raise Refused(f"pixctl {name} was not done within {TIMEOUT} s") from e
        if done.returncode:
            said = [line for line in done.stderr.strip().splitlines() if line]
            raise Refused(f"pixctl {name}: {said[-1] if said else 'failed without a word'}")
        return done.stdout

    def sign(self, directory: pathlib.Path, key: pathlib.Path) -> None:
        """Verify an artefact and write manifest.json.sig beside its manifest."""
        self.say("model", "sign", str(directory), "-key", str(key))

    def signed(self) -> list[str]:
        """Return the flag for keys."""
        return ["-keys", str(self.keys)] if self.keys else []

    def verify(self, directory: pathlib.Path) -> dict:
        """Load an artefact as the scorer would; the directory is named ROLE/VERSION."""
        return self.run("model", "verify", *self.signed(), str(directory))

    def score(self, directory: pathlib.Path, table: pathlib.Path, out: pathlib.Path) -> dict:
        """Score a table of vectors; "seconds" leaves out the loading of the model."""
        where = ["-model", str(directory), "-in", str(table), "-out", str(out)]
        return self.run("score", *where, "-contributions", "none")

    def current(self, store: str, role: str) -> dict:
        """Say what is in force in a store and what scores in shadow."""
        return self.run("model", "current", "-store", store, role)

    def add(self, store: str, role: str, directory: pathlib.Path) -> dict:
        """Write a version into a store, in force nowhere."""
        return self.run("model", "add", "-store", store, *self.signed(), role, str(directory))

    def promote(self, store: str, role: str, version: str) -> dict:
        """Put a version in force."""
        return self.run("model", "promote", "-store", store, *self.signed(), role, version)

    def rollback(self, store: str, role: str, leave: str) -> dict:
        """Put the version before back in force."""
        return self.run("model", "rollback", "-store", store, "-from", leave, role)

    def challengers(self, store: str, role: str, versions: list[str]) -> dict:
        """Name the versions that score in shadow."""
        return self.run("model", "challengers", "-store", store, *self.signed(), role, ",".join(versions))
