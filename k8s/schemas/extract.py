"""Writes the schemas of the kinds that k8s/ uses, for kubeconform, from the sources that k8s/schemas/README.md names.

usage: extract.py KUBERNETES CRD..., a directory of kubernetes-validate's strict schemas and files of CustomResourceDefinitions.
Descriptions are left out, and an object of a custom resource takes no field that its schema does not have.
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
BUILT_IN = [
    "configmap-v1",
    "deployment-apps-v1",
    "horizontalpodautoscaler-autoscaling-v2",
    "namespace-v1",
    "networkpolicy-networking-v1",
    "poddisruptionbudget-policy-v1",
    "service-v1",
    "serviceaccount-v1",
]


def bare(schema: Any) -> Any:
    """The schema without descriptions."""
    if isinstance(schema, dict):
        return {k: bare(v) for k, v in schema.items() if k != "description" or not isinstance(v, str)}
    if isinstance(schema, list):
        return [bare(v) for v in schema]
    return schema


def strict(schema: Any) -> Any:
    """The schema of a custom resource with no room for fields that it does not name."""
    if isinstance(schema, list):
        return [strict(v) for v in schema]
    if not isinstance(schema, dict):
        return schema
    out = {k: strict(v) for k, v in schema.items() if not k.startswith("x-kubernetes-")}
    if schema.get("x-kubernetes-int-or-string"):
        return {"oneOf": [{"type": "string"}, {"type": "integer"}]}
    if out.get("type") == "object" and "properties" in out and not schema.get("x-kubernetes-preserve-unknown-fields"):
        out.setdefault("additionalProperties", False)
    return out


def references(schema: Any) -> set[str]:
    """The definitions that a schema refers to."""
    if isinstance(schema, dict):
        found = {schema["$ref"].split("/")[-1]} if isinstance(schema.get("$ref"), str) else set()
        return found.union(*(references(v) for v in schema.values()))
    if isinstance(schema, list):
        return set().union(*(references(v) for v in schema))
    return set()


def built_in(source: Path, name: str) -> dict[str, Any]:
    """A kind of Kubernetes itself, with the definitions that it needs and no others."""
    text = (source / f"{name}.json").read_text()
    every = json.loads((source / "_definitions.json").read_text().replace("/api/_definitions.json#", "#"))["$defs"]
    schema = bare(json.loads(text.replace("/api/_definitions.json#", "#")))
    wanted, used = references(schema), {}
    while wanted:
        each = wanted.pop()
        if each not in used:
            used[each] = bare(every[each])
            wanted |= references(used[each])
    return {**schema, "$defs": dict(sorted(used.items()))}


def write(kind: str, group: str, version: str, schema: dict[str, Any]) -> None:
    """One file for each kind, as kubeconform looks for it."""
    name = "-".join(part for part in [kind.lower(), group, version] if part)
    (HERE / f"{name}.json").write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n")


def custom(file: Path) -> None:
    """The newest version of a custom resource."""
    for crd in yaml.safe_load_all(file.read_text()):
        newest = min(crd["spec"]["versions"], key=lambda v: ("alpha" in v["name"], "beta" in v["name"], v["name"]))
        schema = strict(bare(newest["schema"]["openAPIV3Schema"]))
        schema["properties"]["metadata"] = {"type": "object"}
        write(crd["spec"]["names"]["kind"], crd["spec"]["group"].split(".")[0], newest["name"], schema)


def main() -> None:
    """Writes every file."""
    for name in BUILT_IN:
        schema = built_in(Path(sys.argv[1]), name)
        (HERE / f"{name}.json").write_text(json.dumps(schema, separators=(",", ":"), sort_keys=True) + "\n")
    for file in sys.argv[2:]:
        custom(Path(file))


if __name__ == "__main__":
    main()
