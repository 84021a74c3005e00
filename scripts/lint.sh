#!/usr/bin/env bash
# What must hold before a test is worth running: `./dev lint`.
set -euo pipefail
. "$(dirname "$0")/common.sh"

scripts/install.sh
phase "format" cargo fmt --all --check
phase "clippy" cargo clippy ${cargo_flags[@]+"${cargo_flags[@]}"} --workspace --all-targets -- -D warnings
if command -v shellcheck >/dev/null; then
  phase "shellcheck" shellcheck -x -P SCRIPTDIR dev scripts/*.sh .ci/run
else
  say "no shellcheck here: scripts not checked"
fi
