#!/usr/bin/env bash
# Judges what deploys Sentinela, offline: terraform/ by its own format, tflint and checkov, the rendered manifests of k8s/ by
# checkov (make k8s-check renders them and has judged them before), the workflows by zizmor. A finding is mended, or excused with
# its reason where it is found.
# usage: deploy-check.sh TOOLS PYTHON, the directories of tflint and of checkov and zizmor
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$PWD/$1 python=$2 failed=0

if command -v terraform >/dev/null; then
  terraform fmt -check -diff -recursive terraform || failed=1
else
  echo "deploy-check: terraform fmt is skipped: there is no terraform"
fi

# terraform/tests is no module: nothing stands there but the tests.
mapfile -t modules < <(find terraform -name '*.tf' -not -path 'terraform/tests/*' -printf '%h\n' | sort -u)
[ ${#modules[@]} -gt 0 ] || { echo "deploy-check: no module is found" >&2; exit 1; }
for dir in "${modules[@]}"; do
  "$tools/tflint" --chdir="$dir" --config="$PWD/.tflint.hcl" --format=compact || failed=1
done

checkov() { LOG_LEVEL=ERROR "$python/checkov" --config-file .checkov.yaml "$@" || failed=1; }
checkov --framework terraform --directory terraform
checkov --framework kubernetes --file build/k8s/*.yaml

"$python/zizmor" --offline --no-progress .github || failed=1
[ "$failed" = 0 ] && echo "deploy-check: no finding is left"
exit "$failed"
