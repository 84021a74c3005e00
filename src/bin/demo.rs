//! `./dev demo`: see `order_fleet::demo`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    order_fleet::demo::main().await
}
