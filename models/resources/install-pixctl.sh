#!/bin/bash
# Puts the Go side where a task finds it: files of a volume cannot be executed there.
set -euo pipefail
install -m 755 "$PIXCTL" /usr/local/bin/pixctl
