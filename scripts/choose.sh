# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # used by the scripts that source this; set by the instance file
# Which services the instance uses, and where this machine keeps their programs. Sourced by install.sh and services.sh.

# Debian's wrappers in /usr/sbin change user and directory; these are the programs themselves.
rabbitmq_bin=/usr/lib/rabbitmq/bin

# The newest PostgreSQL on this machine, from 14 on; empty if there is none.
postgres_bin() {
  local folder
  for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5,5nr); do
    if [ -x "$folder/initdb" ] && [ "$(basename "$(dirname "$folder")")" -ge 14 ]; then
      printf '%s\n' "$folder"
      return
    fi
  done
}

docker_answers() { command -v docker >/dev/null && docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1; }

# True if AMQP_URL and DATABASE_URL name services that are not this instance's own (`./dev env` exports those too).
services_are_given() {
  [ -n "${AMQP_URL:-}" ] && [ -n "${DATABASE_URL:-}" ] || return 1
  ! { [ -f "$FLEET_DIR/instance" ] && (read_instance && [[ $AMQP_URL == *"$broker_password"* ]]); }
}

# private | docker | external: what was asked for, else what the instance is, else what this machine has.
chosen_services() {
  case ${FLEET_SERVICES:-} in
    private | docker | external) printf '%s\n' "$FLEET_SERVICES" && return ;;
    '') ;;
    *) die "FLEET_SERVICES is private, docker or external, not \"$FLEET_SERVICES\"" ;;
  esac
  if services_are_given; then
    printf 'external\n'
  elif [ -f "$FLEET_DIR/instance" ]; then
    sed -n 's/^services=//p' "$FLEET_DIR/instance"
  elif [ -x "$rabbitmq_bin/rabbitmq-server" ] && [ -n "$(postgres_bin)" ]; then
    printf 'private\n'
  elif docker_answers; then
    printf 'docker\n'
  else
    printf 'private\n'
  fi
}
