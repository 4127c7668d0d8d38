"""The learning loop, whole: decide, export, learn, judge, promote, serve; then refuse what was learnt from poison.

Ends with a summary and one JSON object on the last line. Exit code 1 where anything was lost or doubled, where the
honest challenger was refused, or where the poisoned one was not.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

from sentinela_loop.loop import Loop, Sizes
from sentinela_models.errors import Refused

ROOT = pathlib.Path(__file__).resolve().parents[3]
JAVA = 17


def java() -> int:
    """Return the major version of the Java that Spark would start, 0 where there is none."""
    if not shutil.which("java"):
        return 0
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    number = told.partition('version "')[2].split(".")[0].split('"')[0]
    return int(number) if number.isdigit() else 0


def parser() -> argparse.ArgumentParser:
    """Declare the command line."""
    p = argparse.ArgumentParser(prog="sentinela_loop", description=__doc__)
    p.add_argument(
        "--out", type=pathlib.Path, default=ROOT / "build" / "loop", help="directory of the runs and of MLflow"
    )
    p.add_argument("--pixctl", type=pathlib.Path, default=ROOT / "build" / "pixctl")
    p.add_argument("--bundle", type=pathlib.Path, default=ROOT / "models")
    p.add_argument("--target", default="dev", help="of the bundle")
    usual = Sizes()
    p.add_argument("--payments", type=int, default=usual.payments, help="decided in the in-process cloud")
    p.add_argument("--accounts", type=int, default=usual.accounts, help="of the replayed world")
    p.add_argument("--trees", type=int, default=usual.trees)
    p.add_argument("--seed", type=int, default=usual.seed)
    return p


def main(argv: list[str] | None = None) -> int:
    """Run the loop."""
    a = parser().parse_args(argv)
    if java() < JAVA:
        print(f"loop: Spark needs Java {JAVA}: install openjdk-{JAVA}-jre-headless (Debian, Ubuntu)", file=sys.stderr)
        return 1
    sizes = Sizes(payments=a.payments, accounts=a.accounts, trees=a.trees, seed=a.seed)
    try:
        result = Loop(a.out, a.pixctl, a.bundle, a.target, sizes).run()
    except Refused as e:
        print(f"loop: {e}", file=sys.stderr)
        return 1
    print(result.summary(), flush=True)
    print(json.dumps(result.line()), flush=True)
    return 1 if result.wrong() else 0
