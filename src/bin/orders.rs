//! The `orders` command: everything is in `order_fleet::cli`.

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    order_fleet::cli::main().await
}
