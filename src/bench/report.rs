//! The figures as tables in Markdown. Called by [`super::run`].

use super::accounts::{Amounts, BROKER, DATABASE};
use super::figures::{Figures, Played};
use super::load::LatencySummary;
use super::parts::Cost;

const MIB: f64 = 1_048_576.0;

/// One line.
pub fn in_short(played: &Played) -> String {
    let [ours, broker, database] = played.cpu_per_thousand();
    format!(
        "{} orders in {:.1} s, {:.0} per second; CPU s per 1,000: {:.2} (ours {ours:.2}, broker {broker:.2}, database {database:.2})",
        played.orders,
        played.seconds,
        played.per_second(),
        played.total_per_thousand(),
    )
}

pub fn markdown(figures: &Figures) -> String {
    let mut page = Page::default();
    page.head(figures);
    page.parts(figures);
    page.rates(figures);
    page.cpu(figures);
    page.latencies(figures);
    page.memory(figures);
    page.messages_and_rows(figures);
    page.statements(figures);
    page.ratios(figures);
    page.0
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    fn title(&mut self, text: &str) {
        self.line(&format!("\n## {text}\n"));
    }

    fn table(&mut self, header: &[&str]) {
        self.line(&format!("| {} |", header.join(" | ")));
        self.line(&format!("|{}", "---|".repeat(header.len())));
    }

    fn row(&mut self, cells: &[String]) {
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    fn head(&mut self, figures: &Figures) {
        let machine = &figures.machine;
        self.line("# Bench\n");
        self.line(&format!("`{}`, {:.0} s, {}", figures.command, figures.seconds, crew(figures)));
        self.line(&format!(
            "{} processors ({}), {:.0} GiB, load {:.2} when it began. CPU seconds come first: the clock sees who else works here.",
            machine.processors,
            machine.processor,
            machine.memory_bytes as f64 / MIB / 1_024.0,
            machine.load
        ));
    }

    fn parts(&mut self, figures: &Figures) {
        let parts = &figures.parts;
        self.title("Limits of the parts");
        self.table(&["µs of CPU per unit", "client", "server", "units/s"]);
        let rows: [(&str, Cost); 8] = [
            ("publish with confirm, 1,000 open", parts.publish_pipelined),
            ("publish with confirm, one open", parts.publish_awaited),
            ("consume, ack each", parts.consume_ack_each),
            ("consume, one ack per 50", parts.consume_ack_fifty),
            ("order transaction", parts.order_alone),
            ("order transaction, fifty orders", parts.order_of_fifty),
            ("row, one per commit", parts.row_alone),
            ("row, fifty per commit", parts.row_of_fifty),
        ];
        for (name, cost) in rows {
            let cells =
                [format!("{:.0}", cost.client), format!("{:.0}", cost.server), format!("{:.0}", cost.per_second)];
            self.row(&[vec![name.to_owned()], cells.to_vec()].concat());
        }
        self.line(&format!("\nOne bare commit: p50 {:.2} ms, p99 {:.2} ms.", parts.commit_p50, parts.commit_p99));
    }

    fn rates(&mut self, figures: &Figures) {
        self.title("Scenarios");
        self.table(&[
            "scenario",
            "orders",
            "seconds",
            "orders/s",
            "confirmed",
            "otherwise",
            "CPU s per 1,000",
            "ours",
            "broker",
            "database",
            "load",
        ]);
        for played in &figures.scenarios {
            let per_thousand = played.cpu_per_thousand();
            let cpu = [played.total_per_thousand(), per_thousand[0], per_thousand[1], per_thousand[2]];
            let load = played.load_cpu * 1_000.0 / played.orders.max(1) as f64;
            let mut cells = vec![played.name.clone(), played.orders.to_string(), format!("{:.1}", played.seconds)];
            cells.extend([
                format!("{:.0}", played.per_second()),
                played.confirmed.to_string(),
                played.not_confirmed.to_string(),
            ]);
            cells.extend(cpu.iter().chain([&load]).map(|seconds| format!("{seconds:.3}")));
            self.row(&cells);
        }
        for played in &figures.scenarios {
            for (what, note) in &played.notes {
                self.line(&format!("\n{}: `{what}` {note}.", played.name));
            }
        }
    }

    fn cpu(&mut self, figures: &Figures) {
        self.title("CPU seconds per 1,000 orders, bytes written per order");
        self.table(&["scenario", "process", "CPU s per 1,000", "idle, % of a processor", "bytes written per order"]);
        for played in &figures.scenarios {
            for (name, seconds) in &played.cpu {
                let of = |amounts: &Amounts| amounts.get(name).copied().unwrap_or_default();
                let orders = played.orders.max(1) as f64;
                self.row(&[
                    played.name.clone(),
                    name.clone(),
                    format!("{:.3}", seconds * 1_000.0 / orders),
                    format!("{:.1}", of(&played.idle_cpu) * 100.0),
                    format!("{:.0}", of(&played.written) / orders),
                ]);
            }
        }
    }

    fn latencies(&mut self, figures: &Figures) {
        self.title("Latencies in milliseconds");
        self.table(&["scenario", "what", "p50", "p95", "p99", "p99.9", "longest"]);
        for played in &figures.scenarios {
            for (when, load) in [("at saturation", &played.load), ("at half", &played.half)] {
                let Some(load) = load else { continue };
                let confirmed = load.ended.as_ref().and_then(|ended| ended.confirm_latency);
                for (what, latency) in [("accepted", load.accept_latency), ("confirmed", confirmed)] {
                    let Some(LatencySummary { p50, p95, p99, p999, max, .. }) = latency else { continue };
                    let figures = [p50, p95, p99, p999, max].map(|value| format!("{value:.2}"));
                    self.row(&[vec![played.name.clone(), format!("{what}, {when}")], figures.to_vec()].concat());
                }
            }
            for (question, LatencySummary { p50, p95, p99, p999, max, .. }) in &played.readings {
                let figures = [p50, p95, p99, p999, max].map(|value| format!("{value:.2}"));
                self.row(&[vec![played.name.clone(), format!("asked: {question}")], figures.to_vec()].concat());
            }
        }
    }

    fn memory(&mut self, figures: &Figures) {
        self.title("Memory in MiB, and time until ready");
        self.table(&["scenario", "process", "idle", "peak", "ready after s"]);
        for played in &figures.scenarios {
            for (name, peak) in &played.peak_memory {
                let idle = played.idle_memory.get(name).map_or(String::new(), |bytes| format!("{:.0}", bytes / MIB));
                let ready = if [BROKER, DATABASE].contains(&name.as_str()) {
                    String::new()
                } else {
                    format!("{:.2}", played.ready_seconds)
                };
                self.row(&[played.name.clone(), name.clone(), idle, format!("{:.0}", peak / MIB), ready]);
            }
        }
        self.line("\nThe database's is the sum over its processes, shared pages counted in each.");
    }

    fn messages_and_rows(&mut self, figures: &Figures) {
        for played in &figures.scenarios {
            self.title(&format!("{}: messages and rows per order", played.name));
            let (traffic, rows) = (&played.traffic, &played.rows);
            self.line(&format!(
                "{:.2} messages published, {:.2} into queues; {:.2} rows changed in {:.3} commits, {:.0} bytes of write-ahead log.\n",
                traffic.published,
                traffic.enqueued(),
                rows.changed(),
                rows.commits,
                rows.log_bytes
            ));
            self.table(&["queue", "published", "delivered", "acked"]);
            for (name, queue) in &traffic.queues {
                self.row(
                    &[
                        vec![name.clone()],
                        [queue.published, queue.delivered, queue.acked].map(|n| format!("{n:.3}")).to_vec(),
                    ]
                    .concat(),
                );
            }
            self.line("");
            self.table(&["table", "inserted", "updated", "of these in place", "deleted"]);
            for (name, table) in &rows.tables {
                let cells =
                    [table.inserted, table.updated, table.updated_in_place, table.deleted].map(|n| format!("{n:.3}"));
                self.row(&[vec![name.clone()], cells.to_vec()].concat());
            }
        }
    }

    fn statements(&mut self, figures: &Figures) {
        for played in figures.scenarios.iter().filter(|played| !played.statements.is_empty()) {
            self.title(&format!("{}: statements by their time", played.name));
            self.table(&["ms in all", "calls", "rows", "µs per call", "statement"]);
            for statement in &played.statements {
                let per_call = statement.milliseconds * 1_000.0 / statement.calls.max(1) as f64;
                let text: String = statement.text.replace('|', "\\|").chars().take(160).collect();
                let cells =
                    [format!("{:.0}", statement.milliseconds), statement.calls.to_string(), statement.rows.to_string()];
                self.row(&[cells.to_vec(), vec![format!("{per_call:.0}"), text]].concat());
            }
        }
    }

    fn ratios(&mut self, figures: &Figures) {
        self.title("What must be reached");
        if let Some(budget) = figures.budget() {
            self.line(&format!(
                "The parts alone would need {:.0} µs of CPU per order: publishing {:.0}, consuming {:.0}, the order's transaction {:.0}, \
                 other rows {:.0}. On {} processors that is {:.0} orders per second.\n",
                budget.microseconds(),
                budget.publishing,
                budget.consuming,
                budget.order_transaction,
                budget.other_rows,
                figures.machine.processors,
                budget.orders_per_second(figures.machine.processors)
            ));
        }
        self.table(&["what", "target", "measured", ""]);
        for ratio in &figures.ratios {
            let verdict = match ratio.met {
                Some(true) => "met",
                Some(false) => "**not met**",
                None => "not measured",
            };
            let measured = ratio.measured.clone().unwrap_or_default();
            self.row(&[ratio.what.clone(), ratio.target.clone(), measured, verdict.to_owned()]);
        }
    }
}

fn crew(figures: &Figures) -> &'static str {
    if figures.crew == "roles" { "a process per role." } else { "every role in one process." }
}
