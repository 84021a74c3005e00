//! See `order_fleet::roles`.

fn main() -> std::process::ExitCode {
    order_fleet::roles::push_service()
}
