# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # used by the scripts that source this; set by the instance file
# What every script shares: where the instance is, its ports and passwords, and how to speak. Sourced, never run.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$project" || exit 1

# Seconds since the outermost command began: scripts call each other.
export FLEET_STARTED=${FLEET_STARTED:-$(date +%s)}
say() { printf '[%4ds] %s\n' "$(($(date +%s) - FLEET_STARTED))" "$*" >&2; }
die() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

# An absolute FLEET_DIR: it is handed to programs that change their directory.
case ${FLEET_DIR:=$project/.dev} in /*) ;; *) FLEET_DIR=$project/$FLEET_DIR ;; esac
export FLEET_DIR

# Runs a step and says how long it took: phase NAME COMMAND ...
phase() {
  local name=$1 started=$SECONDS
  shift
  say "$name ..."
  "$@" || {
    local code=$?
    say "$name failed after $((SECONDS - started)) s"
    return "$code"
  }
  say "$name done in $((SECONDS - started)) s"
}

random_hex() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

# The instance's own facts are made once and kept: ports, passwords and the kind of services.
write_instance() {
  local owner_only
  owner_only=$(umask)
  umask 077
  {
    printf 'port_base=%s\n' "${FLEET_PORT_BASE:-25600}"
    printf 'broker_password=%s\n' "$(random_hex 16)"
    printf 'database_password=%s\n' "$(random_hex 16)"
    printf 'jwt_secret=%s\n' "$(random_hex 32)"
    printf 'services=%s\n' "$1"
  } >"$FLEET_DIR/instance.new"
  mv "$FLEET_DIR/instance.new" "$FLEET_DIR/instance"
  umask "$owner_only"
}

# Sets port_base, services, the passwords and the ports; false if the instance was never started.
read_instance() {
  [ -f "$FLEET_DIR/instance" ] || return 1
  # shellcheck source=/dev/null
  . "$FLEET_DIR/instance"
  if [ "${FLEET_PORT_BASE:-$port_base}" != "$port_base" ]; then
    die "the instance in $FLEET_DIR has the ports from $port_base on; for others give another FLEET_DIR, or ./dev clean"
  fi
  amqp_port=$port_base management_port=$((port_base + 1)) broker_metrics_port=$((port_base + 2))
  distribution_port=$((port_base + 3)) epmd_port=$((port_base + 4)) database_port=$((port_base + 5))
  api_port=$((port_base + 6)) metrics_port=$((port_base + 7)) smtp_port=$((port_base + 8)) mailbox_port=$((port_base + 9))
}

# True while something listens: bash itself connects, a bare machine has no nc or curl.
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# process_is PID TEXT: that process lives and has TEXT in its command line (a process id may have gone to another program;
# a zombie that nobody reaps has an empty command line).
process_is() {
  [ -n "${1:-}" ] && { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null | grep -qF -- "$2"
}

# wait_until SECONDS COMMAND ...: polls with a deadline.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}
not() { ! "$@"; }
is_alive() { process_is "$1" ''; }

# stop_process PID TEXT SECONDS: asks, waits, and only then forces.
stop_process() {
  process_is "$1" "$2" || return 0
  kill -TERM "$1"
  wait_until "$3" not process_is "$1" "$2" || {
    say "process $1 did not stop within $3 s: killed"
    kill -KILL "$1"
    wait_until 10 not process_is "$1" "$2"
  }
}

# Cargo, quiet about nothing: progress where there is a terminal, the lock file fixed in CI.
cargo_flags=()
if [ "${CI:-}" = true ]; then
  cargo_flags=(--locked)
  export CARGO_TERM_PROGRESS_WHEN=never
fi
# Checked queries are compiled against the stored descriptions, not against whatever database happens to run.
export SQLX_OFFLINE=${SQLX_OFFLINE:-true}
target_directory=${CARGO_TARGET_DIR:-$project/target}
