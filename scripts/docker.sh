# shellcheck shell=bash
# shellcheck disable=SC2154 # ports and passwords come from common.sh
# The instance's services by Docker Compose, on the same ports as the private ones. Sourced by services.sh.

compose() {
  RABBITMQ_PASSWORD=$broker_password POSTGRES_PASSWORD=$database_password JWT_SECRET=$jwt_secret \
    AMQP_PORT=$amqp_port MANAGEMENT_PORT=$management_port POSTGRES_PORT=$database_port API_PORT=$api_port \
    SMTP_PORT=$smtp_port MAILBOX_PORT=$mailbox_port \
    docker compose --project-name "order-fleet-$port_base" --file docker-compose.yml "$@"
}

docker_up() {
  docker_answers || die "no Docker engine with Compose answers"
  say "Docker: starting RabbitMQ, PostgreSQL and a mail catcher"
  compose up --detach --wait --wait-timeout 300 rabbitmq postgres mail || {
    compose logs --tail 25 rabbitmq postgres mail >&2
    die "the containers did not become healthy"
  }
}
docker_down() { compose stop; }
docker_clean() { compose down --volumes; }
docker_status() { compose ps; }
docker_psql() { compose exec postgres psql -U fleet -d fleet "$@"; }
docker_rabbitmqctl() { compose exec rabbitmq rabbitmqctl "$@"; }
