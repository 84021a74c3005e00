//! See `order_fleet::services::dead_letter_handler`.

fn main() -> std::process::ExitCode {
    order_fleet::services::dead_letter_handler::cli::main()
}
