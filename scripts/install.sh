#!/usr/bin/env bash
# Installs what is missing on a bare Debian: called by `./dev setup`, and by demo, test and coverage. Does nothing the
# second time. No service of the machine is started. `install.sh tests`: with what only the tests need.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$project/scripts/choose.sh"

command -v cargo >/dev/null || die "there is no cargo: install Rust first, see https://rustup.rs"

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v make >/dev/null || missing+=(make)
kind=$(chosen_services)
if [ "$kind" = private ]; then
  [ -x "$rabbitmq_bin/rabbitmq-server" ] || missing+=(rabbitmq-server)
  [ -n "$(postgres_bin)" ] || missing+=(postgresql)
  command -v setpriv >/dev/null || missing+=(util-linux)
fi
if [ "${1:-}" = tests ]; then
  command -v redis-server >/dev/null || missing+=(redis-server)
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    missing+=(chromium fonts-dejavu-core)
fi
# cargo and rustls trust the system's certificates, unless told of others.
[ -s /etc/ssl/certs/ca-certificates.crt ] || [ -n "${SSL_CERT_FILE:-}" ] || [ ! -e /etc/debian_version ] || missing+=(ca-certificates)
[ "${#missing[@]}" -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  die "missing here: ${missing[*]}. This machine has no apt-get: install them, or start Docker, or set AMQP_URL and DATABASE_URL"
fi
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || die "missing here: ${missing[*]}. Run as root:  $project/dev setup"
  say "needs root for: ${missing[*]} (sudo asks)"
  exec sudo env "FLEET_SERVICES=$kind" "PATH=$PATH" "$project/scripts/install.sh" "$@"
fi

log=$(mktemp "${TMPDIR:-/var/tmp}/order-fleet-install.XXXXXX.log")
undo=()
cleanup() {
  local path
  for path in ${undo[@]+"${undo[@]}"}; do rm -f "$path"; done
}
trap cleanup EXIT

# Packages may start nothing: a newcomer's machine keeps its default ports free. 101 is "not allowed" in Debian's policy.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  undo+=(/usr/sbin/policy-rc.d)
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
fi
# Nor does PostgreSQL's package make the cluster that it would start.
if [[ " ${missing[*]} " == *" postgresql "* ]] && [ ! -e /etc/postgresql ]; then
  install -d /etc/postgresql-common/createcluster.d
  undo+=(/etc/postgresql-common/createcluster.d/order-fleet.conf)
  printf 'create_main_cluster = false\n' >/etc/postgresql-common/createcluster.d/order-fleet.conf
fi

# quietly NAME COMMAND ...: output to the log, a line every few seconds, the log's end if it fails.
quietly() {
  local name=$1 started=$SECONDS told=$SECONDS pid
  shift
  "$@" >>"$log" 2>&1 </dev/null &
  pid=$!
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if [ $((SECONDS - told)) -ge 5 ]; then
      told=$SECONDS
      say "  $name: $((SECONDS - started)) s, $(tail -n 1 "$log" | cut -c 1-90)"
    fi
  done
  wait "$pid" || {
    tail -n 30 "$log" >&2
    die "$name failed; the whole output is in $log"
  }
}

# No pgrep on a bare machine.
epmd_processes() {
  local folder
  for folder in /proc/[0-9]*; do
    [ "$(cat "$folder/comm" 2>/dev/null)" != epmd ] || printf '%s ' "${folder#/proc/}"
  done
}

epmd_before=" $(epmd_processes)"
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
say "installing: ${missing[*]} (output in $log)"
quietly "apt-get update" apt-get -q update
quietly "apt-get install" apt-get -q -y -o Dpkg::Use-Pty=0 --no-install-recommends install "${missing[@]}"

# RabbitMQ's package leaves an epmd behind, which no policy forbids: end that one, never one that was here before.
for pid in $(epmd_processes); do
  [[ $epmd_before == *" $pid "* ]] || [ "$(stat -c %U "/proc/$pid" 2>/dev/null)" != rabbitmq ] || kill "$pid" 2>/dev/null || true
done
say "installed: ${missing[*]}"
rm -f "$log"
