#!/usr/bin/env bash
# Runs the learning loop in the Python environment that is its first argument, with the pixctl that is its second; what
# follows goes to the loop. Gets the packages and jars that are missing first.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 pixctl=$2
shift 2
. scripts/jars/java.bash
(($(java_version) >= 17)) || { echo "loop: Spark needs Java 17: install openjdk-17-jre-headless (Debian, Ubuntu)" >&2; exit 1; }
make --no-print-directory "$venv/.ready"
scripts/spark-jars.sh "$venv/bin/python"
export SENTINELA_JARS=$PWD/build/spark/jars PYTHONPATH=models/src
exec "$venv/bin/python" -m sentinela_loop --pixctl "$pixctl" "$@"
