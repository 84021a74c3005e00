#!/usr/bin/env bash
# From nothing to the demonstration's final table: `./dev demo`. Arguments go to the demo binary.
set -euo pipefail
. "$(dirname "$0")/common.sh"

phase "setup" scripts/install.sh
phase "services" scripts/services.sh up
scripts/build.sh --bin fleet --bin orders --bin setup --bin dead-letter-handler --bin demo
environment=$(scripts/services.sh env)
eval "$environment"
say "demonstration"
exec "$target_directory/debug/demo" "$@"
