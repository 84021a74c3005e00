//! `./dev bench`: see `order_fleet::bench`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    order_fleet::bench::main().await
}
