#!/usr/bin/env bash
# The contracts against a running fleet: `./dev contract [--cases N] [PART ...]`, where PART is documents, api or postman; all by default.
#   documents  spectral over OpenAPI and AsyncAPI, and AsyncAPI's own validator
#   api        schemathesis over the whole OpenAPI document, with all its checks and at least N cases (10000)
#   postman    newman works the collection off
# The fleet and its servers are an instance of their own, since the cases fill the database with whatever the schemas allow. The tools come
# from PyPI and npm, in the versions below, and stay under FLEET_DIR.
set -euo pipefail
export FLEET_DIR=${FLEET_DIR:+$FLEET_DIR/contract} FLEET_PORT_BASE=$((${FLEET_PORT_BASE:-25600} + 60)) FLEET_SERVICES=private
FLEET_DIR=${FLEET_DIR:-$(cd "$(dirname "$0")/.." && pwd)/.dev/contract}
unset AMQP_URL DATABASE_URL AMQP_MANAGEMENT_URL
. "$(dirname "$0")/common.sh"

schemathesis=4.32.5 spectral=6.16.3 asyncapi=4.1.1 newman=6.2.2
tools=$(dirname "$FLEET_DIR")/tools
cases=10000
parts=()
while [ $# -gt 0 ]; do
  case $1 in
    --cases) cases=${2:?--cases needs a number} && shift ;;
    documents | api | postman) parts+=("$1") ;;
    *) die "contract: there is no part \"$1\"; see scripts/contract.sh" ;;
  esac
  shift
done
[ "${#parts[@]}" -gt 0 ] || parts=(documents api postman)

# npm_tool PACKAGE VERSION PROGRAM: the program, installed unless it is there.
npm_tool() {
  local folder=$tools/npm-${1//\//-}-$2
  if [ ! -x "$folder/node_modules/.bin/$3" ]; then
    command -v npm >/dev/null || die "npm is needed for $1"
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-audit --no-fund --ignore-scripts --loglevel=error "$1@$2" >"$folder/install.log" 2>&1 ||
      die "$1 could not be installed, see $folder/install.log"
  fi
  printf '%s/node_modules/.bin/%s' "$folder" "$3"
}

check_documents() {
  local program
  program=$(npm_tool @stoplight/spectral-cli "$spectral" spectral)
  phase "spectral" "$program" lint --ruleset scripts/contract/spectral.yaml --fail-severity hint api/openapi.json api/asyncapi.json
  program=$(npm_tool @asyncapi/cli "$asyncapi" asyncapi)
  # it would report its use to its makers: told not to, in a home of its own
  HOME=$tools "$program" config analytics --disable >/dev/null 2>&1 || true
  HOME=$tools phase "asyncapi validate" "$program" validate --fail-severity=info api/asyncapi.json
}

check_api() {
  local python=$tools/schemathesis-$schemathesis report=$FLEET_DIR/schemathesis.json operations examples count
  if [ ! -x "$python/bin/schemathesis" ]; then
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$schemathesis" ||
      die "schemathesis could not be installed"
  fi
  operations=$("$python/bin/python" -c 'import json; print(sum(len(item) for item in json.load(open("api/openapi.json"))["paths"].values()))')
  # not every operation has that much to vary: the remainder falls to those that have
  examples=$((cases * 3 / (2 * operations) + 1))
  phase "schemathesis, $examples examples for each of $operations operations" \
    env PYTHONPATH=scripts/contract "$python/bin/schemathesis" --config-file scripts/contract/schemathesis.toml run api/openapi.json --url "$api" \
    --header "Authorization: Bearer $ORDERS_TOKEN" \
    --max-examples "$examples" --report json --report-json-path "$report"
  count=$("$python/bin/python" scripts/contract/count.py "$report")
  [ "$count" -ge "$cases" ] || die "contract: only $count of $cases cases"
  held+=("$count cases over $operations operations")
}

check_postman() {
  local program
  program=$(npm_tool newman "$newman" newman)
  phase "newman" "$program" run api/postman_collection.json --env-var "baseUrl=$api" --env-var "token=$ORDERS_TOKEN" --reporters cli --disable-unicode
}

# What was counted on the way, for the last line.
held=()
fleet=
# shellcheck disable=SC2317 # called by the trap
end() {
  [ -z "$fleet" ] || stop_process "$fleet" fleet 40 || true
  [ ! -f "$FLEET_DIR/instance" ] || scripts/services.sh clean
}
start_fleet() {
  [ -z "$fleet" ] || return 0
  trap end EXIT
  trap 'exit 130' INT TERM
  [ ! -f "$FLEET_DIR/instance" ] || scripts/services.sh clean
  phase "setup" scripts/install.sh
  phase "services" scripts/services.sh up
  scripts/build.sh --bin setup --bin fleet --bin order-api
  local environment
  environment=$(scripts/services.sh env)
  eval "$environment"
  read_instance
  api=http://$HTTP_ADDR
  "$target_directory/debug/setup"
  RATE_LIMIT_CALLER=off RATE_LIMIT_ADDRESS=off "$target_directory/debug/fleet" >"$FLEET_DIR/fleet.log" 2>&1 &
  fleet=$!
  wait_until 60 port_open "$api_port" || die "the API does not answer, see $FLEET_DIR/fleet.log"
}

for part in "${parts[@]}"; do
  case $part in
    documents) check_documents ;;
    api) start_fleet && check_api ;;
    postman) start_fleet && check_postman ;;
  esac
done
say "the contracts hold: ${parts[*]}${held:+; ${held[*]}}"
