//! See `order_fleet::roles`.

fn main() -> std::process::ExitCode {
    order_fleet::roles::webhook_service()
}
