"""The lake's steps: python -m sentinela_lake bronze|silver|gold|replay --lake DIR.

Each reads what is new since its last run and stops. Exit codes: 0 done, 1 refused (standard error says why; the tables
stay as they were), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import pathlib
import sys

from sentinela_lake import bronze, expectations, gold, replay, session, silver, stream, tables
from sentinela_lake.stream import Lake
from sentinela_models import vectors
from sentinela_models.errors import Refused


def moment(text: str) -> datetime.datetime:
    """Read an RFC 3339 time; one without a zone is refused, because it could be anybody's."""
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 2026-11-30T00:00:00Z") from None
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} says no zone: write Z for UTC")
    return at.astimezone(datetime.UTC)


def parser() -> argparse.ArgumentParser:
    """Declare the command line."""
    p = argparse.ArgumentParser(
        prog="sentinela-lake", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = p.add_subparsers(dest="step", required=True, metavar="bronze|silver|gold|replay")
    b = step(steps, "bronze", "take what was exported, and what the tokenised topic holds")
    b.add_argument("--exports", help="directory or address of the exported tables; by default that of the lake")
    b.add_argument("--kafka", metavar="BROKERS", help="also take the topic from these brokers")
    b.add_argument("--topic", default=tables.TOPIC)
    b.add_argument("--no-exports", action="store_true", help="take the topic only")
    step(steps, "silver", "one row per key out of bronze; what breaks a rule goes to the quarantine")
    g = step(steps, "gold", "vectors as served with labels as known at the cut")
    g.add_argument(
        "--as-of", type=moment, required=True, help="the cut, RFC 3339: labels that arrived later are not known"
    )
    g.add_argument(
        "--out",
        type=pathlib.Path,
        help="also write the rows as one Parquet file, and check what is beside it",
    )
    g.add_argument("--scores", choices=sorted(vectors.ROLE_DIRECTIONS), help="with what this model said, if it scored")
    g.add_argument("--versions", type=pathlib.Path, help="file for the Delta versions that were read, for the training")
    g.add_argument("--show", type=int, default=10, help="ids to name for an expectation that fails")
    g.add_argument("--report", type=pathlib.Path, help="JSON file for the gate: what failed, of which files")
    r = step(steps, "replay", "vectors computed again from silver by pixctl, compared with those that were served")
    r.add_argument("--out", type=pathlib.Path, required=True, help="directory for events, labels and vectors.parquet")
    r.add_argument("--pixctl", type=pathlib.Path, default=pathlib.Path("build/pixctl"))
    r.add_argument(
        "--source", choices=("decisions", "transactions"), default="decisions", help="silver table to replay"
    )
    r.add_argument("--statuses", type=pathlib.Path, help="statuses in wire JSON, which the exports do not hold")
    r.add_argument("--served", type=pathlib.Path, help="Parquet of gold to compare with")
    return p


def step(steps: argparse._SubParsersAction, name: str, about: str) -> argparse.ArgumentParser:
    """Declare one step."""
    p = steps.add_parser(name, help=about, description=about)
    p.add_argument("--lake", required=True, help="root directory or address of the lake")
    return p


def run(args: argparse.Namespace) -> None:
    """Run one step."""
    root = stream.local(args.lake)
    lake = Lake(session.start(), root, stream.local(getattr(args, "exports", None) or args.lake))
    if args.step == "bronze":
        if not args.no_exports:
            bronze.exports(lake)
        if args.kafka:
            bronze.topic(lake, args.kafka, args.topic)
    elif args.step == "silver":
        silver.run(lake)
    elif args.step == "gold":
        gold_step(lake, args)
    else:
        replay_step(lake, args)


def gold_step(lake: Lake, args: argparse.Namespace) -> None:
    """Build, write, and say what the gate wants to know; a report of an earlier run never stands for this one."""
    for path in filter(None, (args.out, args.report, args.versions)):
        path.parent.mkdir(parents=True, exist_ok=True)
    say = functools.partial(expectations.report, args.report) if args.report else lambda failed, files=None: None
    say(["gold was not written to its end"])
    read = versions(lake) if args.versions else {}
    try:
        gold.build(lake, args.as_of, args.show)
        if args.out:
            gold.check_beside(lake, args.as_of, args.out, args.show)
    except expectations.Broken as e:
        say(e.failed)
        raise
    if args.out:
        print(f"{args.out}: {gold.write_parquet(lake, args.as_of, args.out, args.scores)} rows", flush=True)
    if args.versions:
        args.versions.write_text(json.dumps(read) + "\n", encoding="utf-8")
    say([], vectors.files(args.out.parent) if args.out else None)


def versions(lake: Lake) -> dict[str, int]:
    """Name the version of every table of silver that is there: what gold is about to read."""
    names = (f"silver/{name}" for name in tables.EXPORTS)
    return {name: lake.version(name) for name in names if lake.has(lake.path(name))}


def replay_step(lake: Lake, args: argparse.Namespace) -> None:
    """Write, replay and compare; a served feature that comes out otherwise is told, not refused."""
    events, labels = replay.write(lake, args.out, args.source)
    print(f"replay: {events} payments, {labels} labels", flush=True)
    out = replay.run(args.pixctl, args.out, args.statuses)
    if args.served:
        without = () if args.statuses else replay.STATUS_WORDS
        print(replay.tell(replay.compare(args.served, out, without)), flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run the command."""
    p = parser()
    args = p.parse_args(argv)
    if getattr(args, "no_exports", False) and not args.kafka:
        p.error("--no-exports leaves nothing to take without --kafka")
    try:
        run(args)
    except Refused as e:
        print(f"refused: {e}", file=sys.stderr)
        return 1
    return 0


def entry() -> None:
    """Run as a job of the bundle calls it: a refusal must fail the task."""
    if code := main():
        sys.exit(code)
