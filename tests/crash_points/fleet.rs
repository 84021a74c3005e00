//! `fleet` of a build that can be told where to die; only tests start it.

fn main() -> std::process::ExitCode {
    order_fleet::roles::fleet()
}
