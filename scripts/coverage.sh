#!/usr/bin/env bash
# Line coverage of the rules, the messaging and the services, on real services: `./dev coverage`. Fails below the threshold.
# Arguments go to cargo test; without any, everything but the crash points. The report by file is in target/llvm-cov/html.
set -euo pipefail
. "$(dirname "$0")/common.sh"

threshold=85 # per cent of lines, from the project's definition of done
measured=(domain messaging services)

# The profile's format belongs to the compiler's own LLVM: the toolchain's tools, or a distribution's of that version.
find_llvm() {
  local major toolchain folder
  [ -z "${LLVM_COV:-}" ] || return 0
  toolchain=$(rustc --print target-libdir)/../bin
  [ ! -x "$toolchain/llvm-cov" ] || return 0
  major=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  folder=/usr/lib/llvm-$major/bin
  if [ ! -x "$folder/llvm-cov" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "llvm-$major" >"$FLEET_DIR/llvm.log" 2>&1 ||
        die "llvm-$major could not be installed, see $FLEET_DIR/llvm.log; or: rustup component add llvm-tools"
    else
      die "no llvm-cov for LLVM $major:  rustup component add llvm-tools   or   apt-get install llvm-$major"
    fi
  fi
  export LLVM_COV=$folder/llvm-cov LLVM_PROFDATA=$folder/llvm-profdata
}

# Every other folder and file of src, as the regular expression that leaves them out.
everything_else() {
  local entry name left_out=()
  for entry in src/*; do
    name=$(basename "$entry")
    [[ " ${measured[*]} " == *" $name "* ]] || left_out+=("${name//./\\.}")
  done
  (
    IFS='|'
    printf '(^|/)(src/(%s)|tests|build\\.rs|benches)(/|$)' "${left_out[*]}"
  )
}

phase "setup" scripts/install.sh tests
phase "services" scripts/services.sh up
find_llvm
command -v cargo-llvm-cov >/dev/null || phase "cargo-llvm-cov" cargo install --locked cargo-llvm-cov
environment=$(scripts/services.sh env)
eval "$environment"

# What dies at a crash point leaves no profile, so those tests would only cost time.
[ $# -gt 0 ] || set -- -- --skip crash_points
phase "tests" cargo llvm-cov --no-report --all-targets "$@"
ignored=$(everything_else)
cargo llvm-cov report --html --ignore-filename-regex "$ignored"
phase "coverage of ${measured[*]}" cargo llvm-cov report --summary-only --fail-under-lines "$threshold" --ignore-filename-regex "$ignored"
