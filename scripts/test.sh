#!/usr/bin/env bash
# Every test on real services: `./dev test`. Arguments go to cargo test. In CI the services stop at the end.
set -euo pipefail
. "$(dirname "$0")/common.sh"

phase "setup" scripts/install.sh tests
if [ "${CI:-}" = true ]; then trap 'scripts/services.sh down' EXIT; fi
phase "services" scripts/services.sh up
environment=$(scripts/services.sh env)
eval "$environment"

# Every kind of target, unless the arguments name some.
targets=(--all-targets)
for argument in "$@"; do
  case $argument in
    --) break ;;
    --lib | --bins | --tests | --examples | --benches | --doc | --bin* | --test* | --example* | --bench*) targets=() ;;
  esac
done
flags=(${cargo_flags[@]+"${cargo_flags[@]}"} ${targets[@]+"${targets[@]}"})

# What stands before -- is cargo's and holds for the build, too.
build_arguments=()
for argument in "$@"; do
  [ "$argument" != -- ] || break
  build_arguments+=("$argument")
done
phase "build" cargo test --no-run ${flags[@]+"${flags[@]}"} ${build_arguments[@]+"${build_arguments[@]}"}
phase "build with crash points" cargo build ${cargo_flags[@]+"${cargo_flags[@]}"} --features crash-points \
  --bin fleet-with-crash-points --bin dead-letter-handler-with-crash-points
phase "tests" cargo test ${flags[@]+"${flags[@]}"} "$@"
