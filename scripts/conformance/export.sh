#!/usr/bin/env bash
# Kills the export's process (SIGKILL) before and after each step of a tick that has everything to do, and counts what the next
# tick leaves in the lake: nothing may be lost or doubled. Cloud Storage is the in-process fake, BigQuery's two services are
# synthetic; the steps are their calls and answers.
set -euo pipefail
cd "$(dirname "$0")/../.."
EXPORT_KILLS=all go test -count=1 -timeout 60m -v -run '^TestKilledProcesses$' ./functions/export | grep -E '^(export:|ok|FAIL|---|panic| )'
