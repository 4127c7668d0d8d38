#!/usr/bin/env bash
# Formats, validates and tests all of terraform/ with the real providers and with no account: terraform fmt, terraform validate in
# every module and root, terraform test with mocked providers. Without a provider there is nothing to ask, and it says so: name a
# configuration of Terraform's command line in TF_CLI_CONFIG_FILE (dev_overrides, or a mirror), or be where the registry is.
set -euo pipefail
cd "$(dirname "$0")/.."

# In CI what is skipped would pass for judged.
skip() { echo "terraform-validate: skipped: $1"; [ -z "${CI:-}" ] || exit 1; exit 0; }
command -v terraform >/dev/null || skip "there is no terraform"

# A provider of dev_overrides is there without init, which would ask the registry for it.
overrides=no
if [ -n "${TF_CLI_CONFIG_FILE:-}" ] && grep -q dev_overrides "$TF_CLI_CONFIG_FILE"; then
  overrides=yes
elif ! curl -fsS -m 10 -o /dev/null https://registry.terraform.io/.well-known/terraform.json 2>/dev/null && [ -z "${TF_CLI_CONFIG_FILE:-}" ]; then
  skip "no registry of providers is in reach, and TF_CLI_CONFIG_FILE names no mirror and no dev_overrides"
fi

# In a copy: what Terraform leaves beside a configuration is not ours to keep.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/shared/event" "$work/shared/warehouse"
cp -r terraform "$work/terraform"
cp shared/event/topics.json "$work/shared/event/"
cp -r shared/warehouse/schema "$work/shared/warehouse/"
find "$work" -name .terraform -prune -exec rm -rf {} +
export TF_PLUGIN_CACHE_DIR=$work/plugins TF_IN_AUTOMATION=1 CHECKPOINT_DISABLE=1
mkdir -p "$TF_PLUGIN_CACHE_DIR"
cd "$work/terraform"

terraform version | sed -n 1p
terraform fmt -check -recursive
ready() { if [ "$overrides" = yes ]; then terraform get "$@"; else terraform init -backend=false -input=false "$@"; fi >"$work/log" 2>&1 || { cat "$work/log" >&2; return 1; }; }

failed=0
for dir in bootstrap modules/* envs/*; do
  (
    cd "$dir" || exit 1
    ready || exit 1 # nothing else ends what stands before ||
    terraform validate -no-color -json >"$work/validate.json" || true
    python3 - "$dir" "$work/validate.json" <<'PY'
import json
import sys

said = json.load(open(sys.argv[2]))
told = [d for d in said["diagnostics"] if d["summary"] != "Provider development overrides are in effect"]
print(f"{sys.argv[1]}: {'valid' if said['valid'] else 'NOT VALID'}, {len(told)} diagnostics")
for d in told:
    place = d.get("range", {})
    print(f"  {d['severity']}: {place.get('filename', '')}:{place.get('start', {}).get('line', '')} {d['summary']}: {d.get('detail', '')}")
sys.exit(not said["valid"] or bool(told))
PY
  ) || failed=1
done

cd tests
ready
terraform test -no-color >"$work/log" 2>&1 || failed=1
grep -E '^(Success|Failure)!|\.tftest\.hcl\.\.\. (pass|fail|skip)|\.\.\. (fail|error)$' "$work/log" || cat "$work/log"
[ "$failed" = 0 ] || sed -n '/^Error/,/^$/p' "$work/log"
exit "$failed"
