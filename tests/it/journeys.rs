//! The whole fleet in this process, on a real RabbitMQ and a real PostgreSQL: what happens to orders.

mod happy_path;
