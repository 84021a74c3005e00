#!/usr/bin/env bash
# shellcheck disable=SC2154 # ports and passwords come from common.sh
# Two more RabbitMQ nodes beside the instance's own, as one cluster: for `./dev chaos --cluster`, which kills and cuts off nodes.
#   cluster.sh up | down | addresses | kill N | start N | cut N | join N     (N is 1, 2 or 3; 1 is the instance's own node)
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$project/scripts/choose.sh"
. "$project/scripts/rabbitmq.sh"
read_instance || die "no instance in $FLEET_DIR: ./dev up"
first_home=$FLEET_DIR first_base=$port_base

# A node apart from the others must not take orders that the others do not know of.
export FLEET_BROKER_CONF="cluster_partition_handling = pause_minority"

# Points the functions of rabbitmq.sh at a node. Nodes 2 and 3 have ports behind those of the roles; all share epmd.
at_node() {
  FLEET_DIR=$first_home port_base=$first_base
  read_instance
  [ "$1" != 1 ] || return 0
  FLEET_DIR=$first_home/node$1
  amqp_port=$((first_base + 50 + 4 * $1)) management_port=$((first_base + 51 + 4 * $1))
  broker_metrics_port=$((first_base + 52 + 4 * $1)) distribution_port=$((first_base + 53 + 4 * $1))
  port_base=$amqp_port
}
name_of() { (at_node "$1" && rabbitmq_node); }
control() { (at_node "$1" && shift && private_rabbitmqctl -q "$@"); }
start() { (at_node "$1" && rabbitmq_up); }

add() {
  local home=$first_home/node$1/rabbitmq
  mkdir -p "$home"
  cp -p "$first_home/rabbitmq/.erlang.cookie" "$first_home/rabbitmq/epmd.pid" "$home/"
  start "$1"
  control "$1" stop_app
  control "$1" reset
  control "$1" join_cluster "$(name_of 1)"
  control "$1" start_app
}

# Nodes with different cookies do not talk to each other: a cut that needs no rights over the network.
cut_off() {
  local other node script=
  for other in 1 2 3; do
    [ "$other" != "$1" ] || continue
    node=$(name_of "$other")
    script+="erlang:set_cookie('$node', ${2}), "
    [ "$2" != apart ] || script+="erlang:disconnect_node('$node'), "
  done
  control "$1" eval "$script ok." >/dev/null
}

case $1 in
  up)
    add 2
    add 3
    ;;
  down)
    for node in 2 3; do (
      at_node "$node"
      stop_process "$(rabbitmq_pid)" "$(rabbitmq_mark)" 40
      rm -rf "$first_home/node$node"
    ); done
    ;;
  addresses) for node in 1 2 3; do (at_node "$node" && printf '127.0.0.1:%s\n' "$amqp_port"); done ;;
  kill) (at_node "$2" && kill -KILL "$(rabbitmq_pid)") ;;
  start) start "$2" ;;
  cut) cut_off "$2" apart ;;
  join) cut_off "$2" "erlang:get_cookie()" ;;
  *) die "cluster.sh knows no \"$1\"" ;;
esac
