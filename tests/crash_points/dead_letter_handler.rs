//! `dead-letter-handler` of a build that can be told where to die; only tests start it.

fn main() -> std::process::ExitCode {
    order_fleet::services::dead_letter_handler::cli::main()
}
