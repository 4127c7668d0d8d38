#!/usr/bin/env bash
# Fetches the jars of the lake into build/spark/jars with Spark's own resolver, once, and checks every one against
# scripts/jars/spark.sha256. The first argument is a Python with models/requirements-lake.txt. Exit 1, with the reason, where
# they cannot be had, and 2 where they are not what they were.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
. scripts/jars/verify.bash
build=build/spark
packages=$(PYTHONPATH=models/src "$python" -c 'from sentinela_lake.session import PACKAGES; print(",".join(PACKAGES))')
[[ "$(cat $build/.ready 2>/dev/null)" != "$packages" ]] || exit 0
rm -rf "$build/jars" "$build/.ready"
mkdir -p "$build"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo 'pass' >"$build/nothing.py"
PYSPARK_PYTHON=$python "$(dirname "$python")/spark-submit" --master 'local[1]' --packages "$packages" --conf "spark.jars.ivy=$PWD/$build" \
  "$build/nothing.py" >"$log" 2>&1 ||
  { echo "spark: the lake's jars cannot be had from Maven Central: $(grep -m1 -iE 'unresolved|not found|exception' "$log" || tail -1 "$log")" >&2; exit 1; }
verify_jars spark "$build/jars"
echo "$packages" >"$build/.ready"
