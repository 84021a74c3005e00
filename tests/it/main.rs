//! The integration tests, one binary: a module per journey or port.

mod ports;
mod support;
