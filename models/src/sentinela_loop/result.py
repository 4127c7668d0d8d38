"""What a run of the loop came to, for a person and for programs."""

from __future__ import annotations

import dataclasses
import pathlib


@dataclasses.dataclass
class Result:
    """Filled as the loop goes; the names of `line` are a contract with other tools."""

    decisions: int = 0
    exported: int = 0
    labels: int = 0
    lost: int = 0
    doubled: int = 0
    spark_rows: int = 0
    champion_before: str = ""
    champion_after: str = ""
    served_version: str = ""
    gate: dict[str, dict] = dataclasses.field(default_factory=dict)
    shadow_scores: int = 0
    served_before: str = ""
    seconds: dict[str, float] = dataclasses.field(default_factory=dict)
    store: pathlib.Path = pathlib.Path()

    def line(self) -> dict:
        """Return the last line of the output."""
        names = "decisions exported labels lost doubled spark_rows champion_before champion_after served_version gate"
        return {name: getattr(self, name) for name in names.split()}

    def wrong(self) -> list[str]:
        """Return what did not hold."""
        held = {
            "nothing lost": self.lost == 0,
            "nothing doubled": self.doubled == 0,
            "Spark has every decision": self.spark_rows == self.exported == self.decisions > 0,
            "the challenger scored in shadow": self.shadow_scores > 0,
            "the honest challenger passed": self.gate.get("honest", {}).get("verdict") == "passed",
            "the poisoned one was refused": self.gate.get("poisoned", {}).get("verdict") == "refused",
            "the champion changed": self.champion_after not in ("", self.champion_before),
            "decisions named the first champion": self.served_before == self.champion_before,
            "decisions name the new champion": self.served_version == self.champion_after,
        }
        return [name for name, ok in held.items() if not ok]

    def summary(self) -> str:
        """Write the summary."""
        lines = [
            "",
            "The loop",
            f"  decided     {self.decisions:7d} payments by {self.served_before}",
            f"  exported    {self.exported:7d} decisions, {self.labels} labels",
            f"  Spark       {self.spark_rows:7d} payments in silver",
            f"  guarantees  {self.lost:7d} lost, {self.doubled} doubled",
            *(f"  {kind:10s}  {g['verdict']}{why(g)}" for kind, g in self.gate.items()),
            f"  shadow      {self.shadow_scores:7d} scores of the challenger before it decided",
            f"  champion    {self.champion_before} before, {self.champion_after} now",
            f"  served      {self.served_version} is what decisions name",
            f"  seconds     {', '.join(f'{name} {s:.0f}' for name, s in self.seconds.items())}",
            f"              {sum(self.seconds.values()):.0f} in all",
            f"  look at it  build/venv-lake/bin/mlflow ui --backend-store-uri sqlite:///{self.store}",
        ]
        if wrong := self.wrong():
            lines.append(f"  WRONG       did not hold: {'; '.join(wrong)}")
        return "\n".join(lines)


def why(g: dict) -> str:
    """Say by what a candidate was refused."""
    return f" by {', '.join(g['failed'])}" if g["failed"] else ""
