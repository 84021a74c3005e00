//! The topology as text, for `setup --describe` and the documentation.

use std::fmt::Write;

use super::Topology;

/// A Markdown page with the exchanges, the queues and the bindings.
pub fn describe(topology: &Topology) -> String {
    let mut page = String::from("| exchange | type |\n|---|---|\n");
    for exchange in &topology.exchanges {
        let _ = writeln!(page, "| `{}` | {} |", exchange.name, exchange.kind);
    }
    page.push_str("\n| binding | routing key | queue |\n|---|---|---|\n");
    for binding in &topology.bindings {
        let _ = writeln!(page, "| `{}` | `{}` | `{}` |", binding.exchange, binding.routing_key, binding.queue);
    }
    page.push_str("\n| queue | for | arguments |\n|---|---|---|\n");
    for queue in &topology.queues {
        let arguments: Vec<String> = queue.arguments.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let _ = writeln!(page, "| `{}` | {} | {} |", queue.name, queue.purpose, arguments.join(", "));
    }
    page
}
