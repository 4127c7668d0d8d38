"""The in-process cloud: decides simulated payments, exports what it decided, and stays up to be asked."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import json
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import TypeVar

from sentinela_models.errors import Refused

T = TypeVar("T")

PATIENCE = 120  # seconds until a scorer must serve what is in force, and until it must be up
AT_ONCE = 5  # payments that are asked about before a look at what the decisions name
REPLAY = "Pix-Replay"  # the header of a payment that is not of now


def run(pixctl: pathlib.Path, *args: str) -> dict:
    """Run pixctl, let it tell its progress, and return the JSON object on its last line."""
    done = subprocess.run([str(pixctl), *args], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise Refused(f"pixctl {args[0]} failed; what it said is above")
    try:
        return json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as e:
        raise Refused(f"pixctl {args[0]} ended without a JSON object") from e


@dataclasses.dataclass(frozen=True)
class Scorer:
    """A scorer that is up, with payments to ask it about."""

    url: str
    metrics: str
    payments: collections.deque[bytes]  # of our customers, in JSON, raw as core banking sends them; each is asked once

    def versions(self, role: str) -> set[str]:
        """Ask it about the next payments, and return the versions of the role's model that their decisions name.

        A payment that was asked about before would name what decided it then.
        """
        if len(self.payments) < AT_ONCE:
            raise Refused("the simulated world has no payment left to ask about: simulate a larger one")
        answers = [self.ask(self.payments.popleft()) for _ in range(AT_ONCE)]
        return {v for a in answers for v in [a.get("modelVersions", {}).get(role)] if v}

    def ask(self, payment: bytes) -> dict:
        """Ask about one payment, again while the scorer says that it is too busy."""
        until = time.monotonic() + PATIENCE
        headers = {"Content-Type": "application/json", REPLAY: "true"}
        request = urllib.request.Request(f"{self.url}/v1/decisions", payment, headers)
        while True:
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as e:
                if e.code not in (429, 503) or time.monotonic() > until:
                    raise Refused(f"the scorer answered {e.code}: {e.read().decode()}") from e
            except OSError as e:
                raise Refused(f"the scorer cannot be asked: {e}") from e
            time.sleep(0.5)

    def serves(self, role: str, version: str) -> set[str]:
        """Ask until the decisions name this version alone; return what they name in the end."""
        return self.until(lambda: self.versions(role), lambda named: named == {version})

    def shadowed(self, role: str) -> int:
        """Ask until a challenger has scored; return how many scores of challengers the scorer counts."""
        name = "pix_shadow_scores_total{"

        def counted() -> int:
            self.versions(role)
            with urllib.request.urlopen(self.metrics, timeout=PATIENCE) as page:
                lines = page.read().decode().splitlines()
            mine = [x for x in lines if x.startswith(name) and f'role="{role}"' in x]
            return round(sum(float(x.rsplit(" ", 1)[1]) for x in mine))

        return self.until(counted, lambda n: n > 0)

    @staticmethod
    def until(ask: Callable[[], T], enough: Callable[[T], bool]) -> T:
        """Ask once a second until it is enough, or for so long that it will not be."""
        end = time.monotonic() + PATIENCE
        while True:
            got = ask()
            if enough(got) or time.monotonic() > end:
                return got
            time.sleep(1)


@contextlib.contextmanager
def scorer(pixctl: pathlib.Path, store: pathlib.Path, payments: collections.deque[bytes]) -> Iterator[Scorer]:
    """Keep a cloud up that serves from a model store."""
    process = subprocess.Popen(
        [str(pixctl), "demo", "-serve", "-models", str(store)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    try:
        ends = endpoints(process)
        yield Scorer(ends["SCORER_URL"], ends["METRICS_URL"], payments)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def endpoints(process: subprocess.Popen) -> dict[str, str]:
    """Read the endpoints that `pixctl demo -serve` prints until it is ready."""
    found: dict[str, str] = {}
    for line in process.stdout or ():
        if line.strip() == "ready":
            return found
        name, _, value = line.strip().partition("=")
        found[name] = value
    raise Refused("the in-process cloud did not come up: run `pixctl demo -serve` and read what it says")


def outgoing(events: pathlib.Path, count: int) -> collections.deque[bytes]:
    """Return the first so many payments of our customers out of a file of simulated ones: those are of the past."""
    with events.open("rb") as f:
        ours = (line.strip() for line in f if b'"DIRECTION_OUTBOUND"' in line)
        return collections.deque(itertools.islice(ours, count))
