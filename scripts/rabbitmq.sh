# shellcheck shell=bash
# shellcheck disable=SC2154 # ports, passwords and paths come from common.sh and choose.sh
# A private RabbitMQ node in $FLEET_DIR/rabbitmq, on 127.0.0.1 only. Sourced by services.sh.

rabbitmq_node() { printf 'fleet%s@localhost\n' "$port_base"; }

# The node reads nothing of the machine's own RabbitMQ, nor of the caller's environment.
rabbitmq_environment() {
  local home=$FLEET_DIR/rabbitmq
  unset "${!RABBITMQ_@}"
  export HOME=$home LANG=C.UTF-8 LC_ALL=C.UTF-8 ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$epmd_port
  RABBITMQ_NODENAME=$(rabbitmq_node)
  export RABBITMQ_NODENAME RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT=$amqp_port
  # Else the node checks a port 20000 above that of AMQP, which may be any program's outgoing connection.
  export RABBITMQ_DIST_PORT=$distribution_port
  export RABBITMQ_MNESIA_BASE=$home/data RABBITMQ_LOG_BASE=$home/log RABBITMQ_PID_FILE=$home/server.pid
  export RABBITMQ_CONFIG_FILE=$home/rabbitmq.conf RABBITMQ_ADVANCED_CONFIG_FILE=$home/advanced.config
  export RABBITMQ_ENABLED_PLUGINS_FILE=$home/enabled_plugins RABBITMQ_CONF_ENV_FILE=$home/rabbitmq-env.conf
  # A development machine has few cores and better uses than Erlang's busy waiting; depths are refreshed every second.
  export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+sbwt none +sbwtdcpu none +sbwtdio none -rabbit quorum_tick_interval 1000"
  export RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
}

# Bytes from hexadecimal digits.
unhex() { printf '%b' "$(printf %s "$1" | sed 's/../\\x&/g')"; }

# base64(salt + sha256(salt + password)): https://www.rabbitmq.com/docs/passwords#computing-password-hash
rabbitmq_password_hash() {
  local salt sum
  salt=$(random_hex 4)
  sum=$({ unhex "$salt" && printf %s "$1"; } | sha256sum)
  unhex "$salt${sum%% *}" | base64 -w 0
}

rabbitmq_write_files() {
  local home=$FLEET_DIR/rabbitmq
  (
    umask 077
    mkdir -p "$home/data" "$home/log"
    [ -f "$home/.erlang.cookie" ] || { random_hex 20 >"$home/.erlang.cookie" && chmod 400 "$home/.erlang.cookie"; }
    [ -f "$home/definitions.json" ] || cat >"$home/definitions.json" <<JSON
{"users": [{"name": "fleet", "password_hash": "$(rabbitmq_password_hash "$broker_password")",
            "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": "administrator"}],
 "vhosts": [{"name": "/"}],
 "permissions": [{"user": "fleet", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}]}
JSON
    cp rabbitmq/enabled_plugins rabbitmq/advanced.config "$home/"
    : >"$home/rabbitmq-env.conf"
    # A development disk may be nearly full, and its log is read by people.
    grep -vE '^(disk_free_limit|log)\.' rabbitmq/rabbitmq.conf >"$home/rabbitmq.conf"
    cat >>"$home/rabbitmq.conf" <<CONF

# The private node's own lines.
management.tcp.ip = 127.0.0.1
management.tcp.port = $management_port
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = $broker_metrics_port
distribution.listener.interface = 127.0.0.1
distribution.listener.port_range.min = $distribution_port
distribution.listener.port_range.max = $distribution_port
disk_free_limit.absolute = 200MB
load_definitions = $home/definitions.json
collect_statistics_interval = 1000
log.file.level = info
${FLEET_BROKER_CONF:-}
CONF
  )
}

rabbitmq_pid() { cat "$FLEET_DIR/rabbitmq/server.pid" 2>/dev/null || true; }
# The command line of an Erlang node has its home and not its name.
rabbitmq_mark() { printf -- '-home %s/rabbitmq' "$FLEET_DIR"; }
rabbitmq_runs() { process_is "$(rabbitmq_pid)" "$(rabbitmq_mark)"; }
rabbitmq_answers() { port_open "$amqp_port" && port_open "$management_port"; }

rabbitmq_up() {
  local home=$FLEET_DIR/rabbitmq port started=$SECONDS
  if rabbitmq_runs; then
    wait_until 60 rabbitmq_answers || die "RabbitMQ (process $(rabbitmq_pid)) runs and does not answer; see $home/log"
    return
  fi
  for port in "$amqp_port" "$management_port" "$broker_metrics_port" "$distribution_port"; do
    ! port_open "$port" || die "port $port is in use by another program: give another FLEET_PORT_BASE and FLEET_DIR"
  done
  rabbitmq_write_files
  say "RabbitMQ: starting node $(rabbitmq_node)"
  (
    rabbitmq_environment
    # Started here and not by the node, so that its process id is known and `down` can end it.
    if ! process_is "$(cat "$home/epmd.pid" 2>/dev/null)" "-port $epmd_port"; then
      setsid epmd -address 127.0.0.1 -port "$epmd_port" >"$home/log/epmd" 2>&1 </dev/null &
      echo $! >"$home/epmd.pid"
      wait_until 10 port_open "$epmd_port" || die "epmd does not answer on port $epmd_port; see $home/log/epmd"
    fi
    rm -f "$home/server.pid"
    setsid "$rabbitmq_bin/rabbitmq-server" >"$home/log/stdout" 2>&1 </dev/null &
    echo $! >"$home/starting.pid"
  )
  # Minutes, not seconds, because the machine may be compiling at the same time.
  wait_until 120 rabbitmq_ended_or_answers || rabbitmq_failed "no answer after 120 s"
  rabbitmq_answers || rabbitmq_failed "the node ended"
  say "RabbitMQ: answers after $((SECONDS - started)) s"
}

rabbitmq_ended_or_answers() { rabbitmq_answers || ! is_alive "$(cat "$FLEET_DIR/rabbitmq/starting.pid")"; }

rabbitmq_failed() {
  tail -n 25 "$FLEET_DIR/rabbitmq/log/stdout" >&2
  die "RabbitMQ did not start: $1; logs are in $FLEET_DIR/rabbitmq/log"
}

rabbitmq_down() {
  stop_process "$(rabbitmq_pid)" "$(rabbitmq_mark)" 40
  stop_process "$(cat "$FLEET_DIR/rabbitmq/epmd.pid" 2>/dev/null)" "-port $epmd_port" 5
  rm -f "$FLEET_DIR/rabbitmq/server.pid" "$FLEET_DIR/rabbitmq/epmd.pid" "$FLEET_DIR/rabbitmq/starting.pid"
}

rabbitmq_status() {
  if rabbitmq_runs; then
    printf 'RabbitMQ    up    process %s, AMQP 127.0.0.1:%s, management http://127.0.0.1:%s, metrics %s\n' \
      "$(rabbitmq_pid)" "$amqp_port" "$management_port" "$broker_metrics_port"
  else
    printf 'RabbitMQ    down\n'
  fi
}

private_rabbitmqctl() {
  rabbitmq_environment
  exec "$rabbitmq_bin/rabbitmqctl" "$@"
}
