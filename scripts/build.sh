#!/usr/bin/env bash
# Compiles the binaries in the development profile: `./dev build`, and the demo with only those that it needs.
set -euo pipefail
. "$(dirname "$0")/common.sh"

scripts/install.sh
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(--bins)
phase "cargo build" cargo build ${cargo_flags[@]+"${cargo_flags[@]}"} "${targets[@]}"
