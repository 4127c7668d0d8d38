#!/usr/bin/env bash
# Runs the tests of scores and contributions as an arm64 program, under qemu: golden vectors, hostile rows, and the hash
# of the bits that amd64 gives. Without qemu it says so and leaves it out.
set -euo pipefail
cd "$(dirname "$0")/../.."
qemu=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
if [ -z "$qemu" ]; then
  echo "skipped: arm64 scores: there is no qemu-aarch64 (Debian: qemu-user-static)"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in shared/scoring shared/scoring/lgbm; do
  GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go test -c -o "$work/arm64.test" "./$package"
  (cd "$package" && "$qemu" "$work/arm64.test" -test.timeout 20m \
    -test.run '^Test(Bits|Exp|LoadServedKinds|WalkerGivesTheBitsOfLeaves|WalkerFollowsEverySplit|GoesLeft|ScoreBatchIsScore|ContributionsAddUp|ExplainIsShapley|RuleIsExact|CoverageIsHeldTo|Raw|Read)')
  echo "arm64: $package agrees"
done
