#!/usr/bin/env bash
# What an order costs, measured: `./dev bench`. Arguments go to the bench binary.
# Its servers start empty and work hard, so they are an instance of their own: beside the developer's, with ports of its own.
set -euo pipefail
export FLEET_DIR=${FLEET_DIR:+$FLEET_DIR/bench} FLEET_PORT_BASE=$((${FLEET_PORT_BASE:-25600} + 80)) FLEET_SERVICES=private
FLEET_DIR=${FLEET_DIR:-$(cd "$(dirname "$0")/.." && pwd)/.dev/bench}
unset AMQP_URL DATABASE_URL AMQP_MANAGEMENT_URL
. "$(dirname "$0")/common.sh"

crew=(--bin fleet --bin order-api)
case " $* " in *" --roles "*) crew=(--bins) ;; esac
phase "setup" scripts/install.sh
phase "cargo build --release" cargo build --release ${cargo_flags[@]+"${cargo_flags[@]}"} \
  --bin bench --bin orders --bin setup --bin dead-letter-handler "${crew[@]}"
case " $* " in *" --help "* | *" -h "* | *" --version "* | *" -V "*) exec "$target_directory/release/bench" "$@" ;; esac

if [ -f "$FLEET_DIR/instance" ]; then scripts/services.sh clean; fi
bench=
# shellcheck disable=SC2317 # called by the trap
end() {
  [ -z "$bench" ] || { kill -TERM "$bench" 2>/dev/null && wait "$bench"; } || true
  if [ -z "${BENCH_KEEP:-}" ]; then
    scripts/services.sh clean
    rm -rf "$FLEET_DIR/roles"
  else
    scripts/services.sh down
  fi
}
trap end EXIT
trap 'exit 130' INT TERM
# The private node looks at itself every second, for people; a fleet's broker does every five (the default).
export FLEET_BROKER_CONF="collect_statistics_interval = 5000"
case " $* " in *" --statements "*) export FLEET_DATABASE_CONF="shared_preload_libraries = 'pg_stat_statements'" ;; esac
phase "services" scripts/services.sh up
environment=$(scripts/services.sh env)
eval "$environment"
export BENCH_FIRST_PORT=$((FLEET_PORT_BASE + 20))
say "bench"
"$target_directory/release/bench" "$@" &
bench=$!
code=0
wait "$bench" || code=$?
bench=
exit "$code"
