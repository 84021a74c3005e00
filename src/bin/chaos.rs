//! `./dev chaos`: see `order_fleet::chaos`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    order_fleet::chaos::main().await
}
