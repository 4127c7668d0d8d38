#!/usr/bin/env bash
# Runs every test that the fault table of docs/architecture.md names, again and again in another order.
# usage: faults.sh TIMES
set -euo pipefail
names=$(sed -n '/^## What can go wrong/,/^## /p' docs/architecture.md | grep -oE '`Test[A-Za-z0-9]+`' | tr -d '`' | grep -v '^TestKafka' | sort -u | paste -sd'|')
go test -count "$1" -shuffle on -timeout 60m -run "^($names)\$" . ./shared/... ./functions/... ./kafka-bridge/... ./scripts/pixctl/... ./scripts/upgrade
