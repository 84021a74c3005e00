//! Settings: one clap `Args` per concern, every one with an environment variable; `--help` is the reference.

pub mod outbound;
