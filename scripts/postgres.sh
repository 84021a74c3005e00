# shellcheck shell=bash
# shellcheck disable=SC2154 # ports and passwords come from common.sh
# A private PostgreSQL cluster in $FLEET_DIR/postgres, on 127.0.0.1 only and without a socket file. Sourced by services.sh.

# The server refuses to run as root: root hands over to the user that the package made.
as_postgres() {
  local clean=(env PATH="$(postgres_bin):/usr/bin:/bin" LANG=C.UTF-8)
  if [ "$(id -u)" = 0 ]; then
    # From / because that user may not even look into the project's folder.
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups --reset-env "${clean[@]}" "$@")
  else
    "${clean[@]}" "$@"
  fi
}

# Writes standard input to a file of that user (in a folder closed to all others).
postgres_write() { as_postgres tee "$1" >/dev/null; }

postgres_home() { readlink -f "$FLEET_DIR/postgres"; }

# Makes the folder where that user can reach it: a folder under /root, say, is closed to it, so data goes to /var/tmp and
# a link is left.
postgres_make_home() {
  local home=$FLEET_DIR/postgres
  [ ! -e "$home" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    install -d -m 700 "$home"
  elif as_postgres test -x "$FLEET_DIR"; then
    install -d -m 700 -o postgres -g postgres "$home"
  else
    local elsewhere
    elsewhere=$(mktemp -d "${TMPDIR:-/var/tmp}/order-fleet-$(printf %s "$FLEET_DIR" | cksum | cut -d' ' -f1).XXXXXX")
    chown postgres:postgres "$elsewhere"
    as_postgres test -w "$elsewhere" || die "the user postgres cannot reach $elsewhere: give a FLEET_DIR that it can"
    ln -sfn "$elsewhere" "$home"
  fi
}

postgres_create() {
  local home=$1
  say "PostgreSQL: making the cluster"
  # What an interrupted run left is no cluster.
  as_postgres rm -rf "$home/data" "$home/new"
  printf '%s\n' "$database_password" | postgres_write "$home/password"
  as_postgres initdb -D "$home/new" -U fleet --pwfile="$home/password" --auth=scram-sha-256 -E UTF8 --locale=C.UTF-8 \
    --no-instructions >"$FLEET_DIR/initdb.log" 2>&1 || {
    cat "$FLEET_DIR/initdb.log" >&2
    die "initdb failed"
  }
  as_postgres rm -f "$home/password"
  as_postgres mv "$home/new" "$home/data"
}

postgres_write_passfile() {
  (umask 077 && printf '127.0.0.1:%s:*:fleet:%s\n' "$database_port" "$database_password" >"$FLEET_DIR/pgpass")
}

postgres_pid() { as_postgres head -n 1 "$(postgres_home)/data/postmaster.pid" 2>/dev/null || true; }
postgres_runs() { [ -e "$FLEET_DIR/postgres" ] && process_is "$(postgres_pid)" "$(postgres_home)/data"; }

postgres_query() {
  PGPASSFILE=$FLEET_DIR/pgpass "$(postgres_bin)/psql" -X -q -At -h 127.0.0.1 -p "$database_port" -U fleet -d postgres -c "$1"
}

# Every process of a server stands in its data folder, also those that outlive a killed one for a moment.
postgres_is_gone() {
  ! as_postgres sh -c 'ls -l /proc/[0-9]*/cwd 2>/dev/null' | grep -qF -- "-> $(postgres_home)/data"
}

# After kill -9 the server's lock file names a process that may remain as a zombie where nobody reaps (a container): the
# server would believe it alive. The file goes only once no process of the old server is left.
postgres_clear_lock() {
  as_postgres test -f "$1/data/postmaster.pid" || return 0
  wait_until 30 postgres_is_gone || die "an old PostgreSQL server still works in $1/data"
  as_postgres rm -f "$1/data/postmaster.pid"
}

postgres_up() {
  local home started=$SECONDS options
  ! postgres_runs || return 0
  ! port_open "$database_port" || die "port $database_port is in use by another program: give another FLEET_PORT_BASE and FLEET_DIR"
  postgres_make_home
  home=$(postgres_home)
  postgres_write_passfile
  as_postgres test -f "$home/data/PG_VERSION" || postgres_create "$home"
  { cat postgres/fleet.conf && printf '%s\n' "${FLEET_DATABASE_CONF:-}"; } | postgres_write "$home/fleet.conf"
  postgres_clear_lock "$home"
  options="-p $database_port -c config_file=$home/fleet.conf -c listen_addresses=127.0.0.1 -c unix_socket_directories="
  # Shared memory of a fresh container may be closed to ordinary users; System V's needs no folder.
  as_postgres test -w /dev/shm || options+=" -c dynamic_shared_memory_type=sysv"
  as_postgres pg_ctl -D "$home/data" -l "$home/server.log" -w -t 60 -o "$options" start >/dev/null || {
    as_postgres tail -n 25 "$home/server.log" >&2
    die "PostgreSQL did not start; its log is $home/server.log"
  }
  [ -n "$(postgres_query "select 1 from pg_database where datname = 'fleet'")" ] || postgres_query "create database fleet"
  say "PostgreSQL: answers after $((SECONDS - started)) s"
}

postgres_down() {
  postgres_runs || return 0
  as_postgres pg_ctl -D "$(postgres_home)/data" -m fast -w -t 60 stop >/dev/null || die "PostgreSQL did not stop within 60 s"
}

postgres_status() {
  if postgres_runs; then
    printf 'PostgreSQL  up    process %s, 127.0.0.1:%s, data in %s\n' "$(postgres_pid)" "$database_port" "$(postgres_home)"
  else
    printf 'PostgreSQL  down\n'
  fi
}

private_psql() {
  PGPASSFILE=$FLEET_DIR/pgpass exec "$(postgres_bin)/psql" -h 127.0.0.1 -p "$database_port" -U fleet -d fleet "$@"
}
