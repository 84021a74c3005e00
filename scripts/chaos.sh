#!/usr/bin/env bash
# The fleet under load while everything is broken: `./dev chaos`. Arguments go to the chaos binary.
# Its servers are killed during the run, so they are an instance of their own: beside the developer's, with ports of its own.
set -euo pipefail
export FLEET_DIR=${FLEET_DIR:+$FLEET_DIR/chaos} FLEET_PORT_BASE=$((${FLEET_PORT_BASE:-25600} + 20)) FLEET_SERVICES=private
FLEET_DIR=${FLEET_DIR:-$(cd "$(dirname "$0")/.." && pwd)/.dev/chaos}
unset AMQP_URL DATABASE_URL AMQP_MANAGEMENT_URL
. "$(dirname "$0")/common.sh"

# How far the clock of a worker can be wrong needs a library; without it that fault is left out.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! compgen -G "/usr/lib/*/faketime/libfaketimeMT.so.1" >/dev/null; then
  DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install faketime >/dev/null 2>&1 || say "no faketime here: clocks stay right"
fi

phase "setup" scripts/install.sh
profile=debug build=(--bins)
case " $* " in *" --release "*) profile=release build+=(--release) ;; esac
scripts/build.sh "${build[@]}"
case " $* " in *" --plan "* | *" --help "* | *" -h "*) exec "$target_directory/$profile/chaos" "$@" ;; esac

# What an interrupted run left behind would be found by the audit.
if [ -f "$FLEET_DIR/instance" ]; then scripts/services.sh clean; fi
chaos=
# shellcheck disable=SC2317 # called by the trap
end() {
  [ -z "$chaos" ] || { kill -TERM "$chaos" 2>/dev/null && wait "$chaos"; } || true
  [ -z "${FLEET_BROKER_CONF:-}" ] || scripts/cluster.sh down
  if [ -z "${CHAOS_KEEP:-}" ]; then scripts/services.sh clean; else scripts/services.sh down; fi
}
trap end EXIT
trap 'exit 130' INT TERM
case " $* " in *" --cluster "*) export FLEET_BROKER_CONF="cluster_partition_handling = pause_minority" ;; esac
phase "services" scripts/services.sh up
if [ -n "${FLEET_BROKER_CONF:-}" ]; then
  phase "cluster" scripts/cluster.sh up
  CHAOS_BROKERS=$(scripts/cluster.sh addresses | paste -sd, -)
  export CHAOS_BROKERS
fi
environment=$(scripts/services.sh env)
eval "$environment"
export CHAOS_FIRST_PORT=$((FLEET_PORT_BASE + 20))
say "chaos"
"$target_directory/$profile/chaos" "$@" &
chaos=$!
code=0
wait "$chaos" || code=$?
chaos=
exit "$code"
