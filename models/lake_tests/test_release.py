"""Who may put what in force: the rules of approval, promotion and rollback, on a registry and a store in memory."""

import dataclasses
import json
import pathlib

import pytest

from sentinela_mlops import artefacts, release
from sentinela_mlops.evidence import Candidate
from sentinela_mlops.registry import CHALLENGER, CHAMPION, Version
from sentinela_models.errors import Refused

REPORT = "r" * 64


class Shelf:
    """A registry: version 1 is the champion, 2 was trained by ana and passed the gate against 1."""

    name, role = "sentinela.dev.payer", "payer"

    def __init__(self, root: pathlib.Path) -> None:
        self.files = {n: artefact(root, n) for n in ("1", "2", "3")}
        self.tags = {n: {"artefact_version": n, "artefact_sha256": sha(d)} for n, d in self.files.items()}
        self.aliases = {CHAMPION: "1"}
        for n in ("2", "3"):
            self.tags[n] |= {
                "trained_by": "ana",
                "gate": "passed",
                "gate_report_sha256": REPORT,
                "gate_gold_sha256": "g",
                "gate_expected_sha256": "g",
                "gate_artefact_sha256": self.tags[n]["artefact_sha256"],
                "gate_champion_sha256": self.tags["1"]["artefact_sha256"],
            }

    def by_artefact(self, n: str) -> Version:
        return Version(n, "run", dict(self.tags[n]), [a for a, held in self.aliases.items() if held == n])

    def at(self, alias: str) -> Version | None:
        return self.by_artefact(self.aliases[alias]) if alias in self.aliases else None

    def champion(self) -> Version:
        return self.by_artefact(self.aliases[CHAMPION])

    def tag(self, v: Version, tags: dict[str, str]) -> None:
        self.tags[v.number] = {k: t for k, t in (self.tags[v.number] | tags).items() if t is not None}

    def move(self, alias: str, v: Version | None) -> None:
        self.aliases.pop(alias, None)
        if v:
            self.aliases[alias] = v.number

    def fetch(self, v: Version, root: pathlib.Path) -> Candidate:
        return Candidate(self.files[v.number], v.tags["artefact_sha256"])


@dataclasses.dataclass
class Store:
    """A model store with pixctl's verbs; `away` fails whatever would change it."""

    now: dict = dataclasses.field(default_factory=lambda: {"version": "1"})
    held: set = dataclasses.field(default_factory=set)
    away: bool = False

    def verify(self, directory: pathlib.Path) -> dict:
        return {}

    def current(self, store: str, role: str) -> dict:
        return dict(self.now)

    def add(self, store: str, role: str, directory: pathlib.Path) -> dict:
        if self.away:
            raise Refused("the store is away")
        self.held.add(directory.name)
        return dict(self.now)

    def promote(self, store: str, role: str, version: str) -> dict:
        assert version in self.held
        if version != self.now["version"]:
            self.now |= {"version": version, "before": self.now["version"]}
        return dict(self.now)

    def rollback(self, store: str, role: str, leave: str) -> dict:
        assert leave == self.now["version"]
        self.now["version"] = self.now.pop("before")
        return dict(self.now)

    def challengers(self, store: str, role: str, versions: list[str]) -> dict:
        assert set(versions) <= self.held
        self.now["challengers"] = versions
        return dict(self.now)

    def serves(self) -> tuple[str, list[str]]:
        return self.now["version"], self.now.get("challengers", [])


def artefact(root: pathlib.Path, version: str) -> pathlib.Path:
    out = root / "payer" / version
    out.mkdir(parents=True)
    manifest = {"role": "payer", "version": version, "calibration": {"type": "platt"}, "validation": {"to": ""}}
    for name in artefacts.FILES:
        (out / name).write_text(json.dumps(manifest))
    return out


def sha(directory: pathlib.Path) -> str:
    return artefacts.read(directory).sha256


@pytest.fixture
def shelf(tmp_path) -> Shelf:
    return Shelf(tmp_path)


def ready(shelf: Shelf, store: Store, version: str = "2") -> None:
    """Bring a version to where it may be promoted."""
    release.release(shelf, shelf.by_artefact(version), "store", store)
    release.approve(shelf, shelf.by_artefact(version), "bia", policy=False)


def promote(shelf: Shelf, store: Store, version: str = "2") -> dict:
    return release.promote(shelf, shelf.by_artefact(version), "store", store)


@pytest.mark.parametrize(
    ("by", "policy", "says"),
    [
        ("ana", False, "ana trained 2 and does not approve it"),
        ("", False, "say who approves"),
        ("policy:auto", False, "a policy approves with --policy"),
    ],
)
def test_who_does_not_approve(shelf, by, policy, says):
    with pytest.raises(Refused, match=says):
        release.approve(shelf, shelf.by_artefact("2"), by, policy)
    assert "approval" not in shelf.tags["2"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"gate": "refused", "gate_failed": "drift"}, "the gate refused it: drift"),
        ({"gate": None}, "no gate has judged it"),
        ({"gate_artefact_sha256": "0" * 64}, "judged another artefact"),
        ({"gate_champion_sha256": "0" * 64}, "against another champion"),
        ({"gate_expected_sha256": "0" * 64}, "expectations were those of another gold table"),
        ({"gate_expected_sha256": None}, "expectations were those of another gold table"),
        ({"gate_gold_sha256": None, "gate_expected_sha256": None}, "expectations were those of another gold table"),
        ({"approval": "Rejected"}, "nobody has approved"),
        ({"approval": None}, "nobody has approved"),
        ({"approved_report_sha256": "0" * 64}, "nobody has approved what the gate reported"),
        ({"artefact_sha256": "0" * 64, "gate_artefact_sha256": "0" * 64}, "not those that were registered"),
    ],
)
def test_what_is_not_promoted(shelf, change, says):
    store = Store()
    ready(shelf, store)
    shelf.tag(shelf.by_artefact("2"), change)
    with pytest.raises(Refused, match=says):
        promote(shelf, store)
    assert shelf.aliases[CHAMPION] == "1" and store.serves() == ("1", ["2"])


def test_files_that_were_replaced_after_approval_are_not_promoted(shelf):
    store = Store()
    ready(shelf, store)
    shelf.files["2"] = shelf.files["3"]
    with pytest.raises(Refused, match="not those that were registered"):
        promote(shelf, store)
    assert shelf.aliases[CHAMPION] == "1" and store.serves()[0] == "1"


def test_files_that_were_replaced_after_the_gate_are_not_released(shelf):
    store = Store()
    shelf.files["2"] = shelf.files["3"]
    with pytest.raises(Refused, match="not those that were registered"):
        release.release(shelf, shelf.by_artefact("2"), "store", store)
    assert CHALLENGER not in shelf.aliases and store.serves() == ("1", [])


def test_only_the_challenger_is_promoted(shelf):
    store = Store()
    ready(shelf, store)
    release.approve(shelf, shelf.by_artefact("3"), "bia", policy=False)
    with pytest.raises(Refused, match="release it first"):
        promote(shelf, store, "3")
    assert shelf.aliases[CHAMPION] == "1"


def test_an_alias_that_moved_before_the_store_is_followed(shelf):
    store = Store()
    ready(shelf, store)
    store.away = True
    with pytest.raises(Refused, match="away"):
        promote(shelf, store)
    assert shelf.aliases[CHAMPION] == "2" and store.serves() == ("1", ["2"])
    store.away = False
    for _ in range(2):
        release.reconcile(shelf, "store", store)
        assert store.serves() == ("2", []) and shelf.at(CHALLENGER) is None


def test_rollback_gives_the_alias_back_and_voids_the_approval(shelf):
    store = Store()
    ready(shelf, store)
    promote(shelf, store)
    with pytest.raises(Refused, match="1 is not the champion"):
        release.rollback(shelf, "store", store, "1")
    store.away = True
    with pytest.raises(Refused, match="away"):
        release.rollback(shelf, "store", store, "2")
    store.away = False
    release.reconcile(shelf, "store", store)  # a step back in the store, not a new promotion: nothing comes before 1
    assert shelf.aliases[CHAMPION] == "1" and store.now == {"version": "1", "challengers": []}
    assert "approval" not in shelf.tags["2"]
    release.release(shelf, shelf.by_artefact("2"), "store", store)
    with pytest.raises(Refused, match="nobody has approved"):
        promote(shelf, store)
    with pytest.raises(Refused, match="first champion"):
        release.rollback(shelf, "store", store, "1")


def test_a_release_ends_where_the_gate_did_not_pass(shelf):
    shelf.tag(shelf.by_artefact("2"), {"gate": "refused", "gate_failed": "typologies"})
    with pytest.raises(Refused, match="typologies"):
        release.release(shelf, shelf.by_artefact("2"), "store", Store())
    assert CHALLENGER not in shelf.aliases
