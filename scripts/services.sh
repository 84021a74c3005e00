#!/usr/bin/env bash
# shellcheck disable=SC2154 # ports and passwords come from common.sh
# Starts, stops and describes the instance's RabbitMQ and PostgreSQL: ./dev up, down, status, env, psql, rabbitmqctl, clean.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$project/scripts/choose.sh"
. "$project/scripts/rabbitmq.sh"
. "$project/scripts/postgres.sh"
. "$project/scripts/docker.sh"

kind=$(chosen_services)
verb=$1
shift

# Two `up` at once would start everything twice.
lock() {
  command -v flock >/dev/null || return 0
  exec 9>"$FLEET_DIR/lock"
  flock -w 180 9 || die "another ./dev holds $FLEET_DIR/lock"
}

# The loopback interface of a fresh container or namespace may be down; perl-base is on every Debian, ip is not.
# 0x8914 is SIOCSIFFLAGS, 0x49 is UP, LOOPBACK and RUNNING (linux/sockios.h, linux/if.h).
raise_loopback() {
  [ -r /sys/class/net/lo/flags ] || return 0
  [ $(($(cat /sys/class/net/lo/flags) & 1)) = 0 ] || return 0
  perl -e 'use Socket; my $request = pack("a16 s x22", "lo", 0x49);
           socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die "$!\n";
           ioctl($socket, 0x8914, $request) or die "$!\n"' ||
    die "the loopback interface is down and only root can raise it:  ip link set lo up"
}

# One of them alone: `broker` or `database`; a chaos run starts what it has stopped, and nothing that is meant to be down.
up_private() {
  local broker='' database='' failed='' only=${1:-}
  [ -x "$rabbitmq_bin/rabbitmq-server" ] || die "RabbitMQ is missing: ./dev setup"
  [ -n "$(postgres_bin)" ] || die "PostgreSQL is missing: ./dev setup"
  raise_loopback
  # Without the lock's descriptor: the servers would keep it.
  if [ "$only" != database ]; then rabbitmq_up 9>&- & broker=$!; fi
  if [ "$only" != broker ]; then postgres_up 9>&- & database=$!; fi
  [ -z "$broker" ] || wait "$broker" || failed=1
  [ -z "$database" ] || wait "$database" || failed=1
  [ -z "$failed" ] || exit 1
}

up() {
  case $kind in external) say "using the services that AMQP_URL and DATABASE_URL name" && return ;; esac
  mkdir -p "$FLEET_DIR"
  [ "$(id -u)" != 0 ] || chmod 711 "$FLEET_DIR"
  lock
  [ -f "$FLEET_DIR/instance" ] || write_instance "$kind"
  read_instance
  [ "$kind" = "$services" ] || die "the instance in $FLEET_DIR is $services: give another FLEET_DIR, or ./dev clean"
  case $kind in docker) docker_up ;; private) up_private "$@" ;; esac
  say "ready: AMQP $amqp_port, management http://127.0.0.1:$management_port, PostgreSQL $database_port  (eval \"\$(./dev env)\")"
}

down() {
  case $kind in external) say "the services are yours: not stopped" && return ;; esac
  read_instance || { say "nothing was ever started in $FLEET_DIR" && return; }
  lock
  if [ "$kind" = docker ]; then
    docker_down
  else
    rabbitmq_down &
    local broker=$!
    postgres_down
    wait "$broker"
  fi
  say "stopped; the data stays in $FLEET_DIR"
}

status() {
  case $kind in external) printf 'services: external (AMQP_URL and DATABASE_URL)\n' && return ;; esac
  read_instance || { printf 'no instance in %s: ./dev up\n' "$FLEET_DIR" && return 1; }
  printf 'services: %s in %s, ports from %s\n' "$kind" "$FLEET_DIR" "$port_base"
  if [ "$kind" = docker ]; then docker_status; else rabbitmq_status && postgres_status; fi
}

# A token for `orders`, once there is a program that makes one.
print_token() {
  local token
  token=$(JWT_SECRET=$1 "$target_directory/debug/order-api" token --role admin --subject "${USER:-developer}" --ttl 30d 2>/dev/null) || return 0
  printf "export ORDERS_TOKEN='%s'\n" "$token"
}

print_env() {
  if [ "$kind" = external ]; then
    printf 'export %s=%q\n' AMQP_URL "$AMQP_URL" DATABASE_URL "$DATABASE_URL" AMQP_MANAGEMENT_URL "${AMQP_MANAGEMENT_URL:-}" \
      HTTP_ADDR "${HTTP_ADDR:-127.0.0.1:25606}" METRICS_ADDR "${METRICS_ADDR:-127.0.0.1:25607}"
    if [ -n "${JWT_SECRET:-}" ]; then print_token "$JWT_SECRET"; fi
    return
  fi
  read_instance || die "no instance in $FLEET_DIR: ./dev up"
  local management=http://fleet:$broker_password@127.0.0.1:$management_port
  printf "export %s='%s'\n" \
    AMQP_URL "amqp://fleet:$broker_password@127.0.0.1:$amqp_port/%2f?heartbeat=10" \
    DATABASE_URL "postgres://fleet:$database_password@127.0.0.1:$database_port/fleet" \
    AMQP_MANAGEMENT_URL "$management" RABBITMQ_MANAGEMENT_URL "$management" \
    HTTP_ADDR "127.0.0.1:$api_port" ORDERS_API_URL "http://127.0.0.1:$api_port" \
    PUBLIC_URL "http://127.0.0.1:$api_port" METRICS_ADDR "127.0.0.1:$metrics_port" JWT_SECRET "$jwt_secret"
  print_token "$jwt_secret"
  if [ "$kind" = docker ]; then
    printf "export %s='%s'\n" SMTP_URL "smtp://127.0.0.1:$smtp_port" MAIL_URL "http://127.0.0.1:$mailbox_port"
  fi
}

clean() {
  [ "$kind" != external ] || die "the services are yours: nothing to clean"
  [ -f "$FLEET_DIR/instance" ] || die "there is no instance in $FLEET_DIR"
  down
  if [ "$kind" = docker ]; then docker_clean; fi
  # Only what an instance consists of: FLEET_DIR may be a folder that holds other things.
  if [ -L "$FLEET_DIR/postgres" ]; then rm -rf "$(readlink "$FLEET_DIR/postgres")"; fi
  rm -rf "$FLEET_DIR/postgres" "$FLEET_DIR/rabbitmq" "$FLEET_DIR/instance" "$FLEET_DIR/pgpass" "$FLEET_DIR/lock" "$FLEET_DIR"/*.log
  rmdir "$FLEET_DIR" 2>/dev/null || true
}

case $verb in
  up | down | status | clean) "$verb" "$@" ;;
  env) print_env ;;
  psql)
    if [ "$kind" = external ]; then exec psql "$DATABASE_URL" "$@"; fi
    read_instance || die "no instance in $FLEET_DIR: ./dev up"
    "${kind}_psql" "$@"
    ;;
  rabbitmqctl)
    [ "$kind" != external ] || die "rabbitmqctl needs the broker's own machine"
    read_instance || die "no instance in $FLEET_DIR: ./dev up"
    "${kind}_rabbitmqctl" "$@"
    ;;
esac
