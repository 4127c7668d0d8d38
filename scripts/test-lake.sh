#!/usr/bin/env bash
# Runs the tests of the lake in the environment that is its argument, after getting what they need: Python packages from PyPI,
# jars from Maven Central. Where one of these cannot be reached, or there is no Java, it says in one line what is skipped. What
# arrives and is not what is pinned is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT

skip() { echo "test-lake: SKIPPED, $1"; exit 0; }

# fetch runs a script that gets jars; false where they cannot be had.
fetch() {
  local code=0
  "$@" || code=$?
  ((code <= 1)) || exit "$code"
  return "$code"
}

. scripts/jars/java.bash
(($(java_version) >= 17)) || skip "Spark needs Java 17 (Debian: openjdk-17-jre-headless)"
if ! make --no-print-directory "$venv/.ready" >"$log" 2>&1; then
  grep -qiE 'retrying|connection|timed out|resolve' "$log" && ! grep -q 'DO NOT MATCH THE HASHES' "$log" &&
    skip "the Python packages of models/requirements-lake.txt cannot be had from PyPI"
  cat "$log" >&2
  exit 1
fi
fetch scripts/spark-jars.sh "$venv/bin/python" || skip "Spark runs only with the lake's jars"
fetch scripts/kafka-jars.sh || echo "test-lake: the tests over Kafka are SKIPPED"
export SENTINELA_JARS=$PWD/build/spark/jars
python=$PWD/$venv/bin/python
cd models
"$python" -m pytest -q lake_tests
