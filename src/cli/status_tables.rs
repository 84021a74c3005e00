//! The parts of the status as tables: which columns, in which order, and which of them a narrow terminal can do without. Called by
//! [`super::status_sections`].

use super::error::count;
use super::grid::{Align, Column, Row, Tone};
use super::output::{moment, printable};
use crate::contract::instance::BreakerState;
use crate::contract::status::{
    BreakerStatus, DeadLetterGroup, DeadLetterStatus, InboxStatus, InstanceStatus, JobStatus, OutboxStatus,
    ParkedMessage, QueueStatus, SchedulerStatus, StuckOrder, StuckOrders, span,
};

/// One part of the page: what can be said in a few words, and the rest.
#[derive(Default)]
pub struct Table {
    pub summary: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
}

pub fn left(title: &'static str, rank: u8) -> Column {
    Column { title, align: Align::Left, rank }
}

pub fn right(title: &'static str, rank: u8) -> Column {
    Column { title, align: Align::Right, rank }
}

pub fn instances(instances: &[InstanceStatus]) -> Table {
    let row = |instance: &InstanceStatus| {
        let (state, tone) = match instance {
            InstanceStatus { silent: true, replaced: true, .. } => ("replaced", Tone::Dim),
            InstanceStatus { silent: true, .. } => ("silent", Tone::Bad),
            _ if instance.state == "running" => ("running", Tone::Plain),
            _ => (instance.state.as_str(), Tone::Warn),
        };
        let leads = if instance.leads == Some(true) { "leads" } else { "" };
        let share = instance.cpu_share.filter(|_| !instance.silent);
        Row {
            cells: vec![
                printable(&instance.role),
                printable(state),
                span(instance.heartbeat_seconds_ago),
                share.map(|share| format!("{:.0}", share * 100.0)).unwrap_or_default(),
                instance.rss_bytes.map(|bytes| format!("{}", bytes / (1 << 20))).unwrap_or_default(),
                span(instance.uptime_seconds),
                printable(&instance.version),
                instance.pid.to_string(),
                printable(&instance.host),
                printable(instance.reason.as_deref().unwrap_or(leads)),
            ],
            tone,
        }
    };
    let columns = vec![
        left("role", 0),
        left("state", 0),
        right("seen", 1),
        right("cpu %", 4),
        right("MiB", 5),
        right("up", 6),
        left("version", 7),
        right("process", 3),
        left("host", 2),
        left("note", 0),
    ];
    let silent = instances.iter().filter(|instance| instance.silent && !instance.replaced).count();
    let summary = match silent {
        0 => format!("{}", instances.len()),
        silent => format!("{}, {silent} silent", instances.len()),
    };
    Table { summary, columns, rows: instances.iter().map(row).collect() }
}

pub fn queues(queues: &[QueueStatus]) -> Table {
    let consumed = |queue: &QueueStatus| queue.consumers > 0 || queue.in_hand > 0;
    // ladders are nearly always empty, and there are three for each queue
    let is_quiet = |queue: &&QueueStatus| {
        queue.state == "missing" || queue.messages > 0 || consumed(queue) || !queue.name.contains("_retry_")
    };
    let number = |number: f64| if number > 0.0 { format!("{number:.1}") } else { String::new() };
    let row = |queue: &QueueStatus| {
        let rates = queue.management.clone().unwrap_or_default();
        let state = if matches!(queue.state.as_str(), "present" | "running") { "" } else { queue.state.as_str() };
        Row {
            cells: vec![
                printable(&queue.name),
                queue.messages.to_string(),
                queue.in_hand.to_string(),
                queue.consumers.to_string(),
                queue.oldest_seconds().map(span).unwrap_or_default(),
                number(queue.taken_per_second),
                number(rates.published_per_second.unwrap_or(0.0)),
                printable(state),
            ],
            tone: match (state, queue.messages > 0 && queue.consumers == 0 && !queue.name.contains("_retry_")) {
                ("", false) => Tone::Plain,
                (_, true) => Tone::Bad,
                (_, false) => Tone::Warn,
            },
        }
    };
    let columns = vec![
        left("queue", 0),
        right("waiting", 0),
        right("in hand", 2),
        right("consumers", 1),
        right("oldest", 3),
        right("taken/s", 4),
        right("published/s", 5),
        left("state", 0),
    ];
    let waiting: u64 = queues.iter().map(|queue| u64::from(queue.messages)).sum();
    let summary = format!("{} wait", count(usize::try_from(waiting).unwrap_or(usize::MAX), "message"));
    Table { summary, columns, rows: queues.iter().filter(is_quiet).map(row).collect() }
}

pub fn breakers(breakers: &[BreakerStatus]) -> Table {
    let row = |status: &BreakerStatus| Row {
        cells: vec![
            printable(&status.role),
            printable(&status.breaker.dependency),
            status.breaker.state.as_str().to_owned(),
            status.breaker.since.map(moment).unwrap_or_default(),
            format!("{:.0}", status.breaker.failure_share * 100.0),
            status.pid.to_string(),
            printable(&status.host),
        ],
        tone: match status.breaker.state {
            BreakerState::Closed => Tone::Plain,
            BreakerState::Open | BreakerState::HalfOpen => Tone::Bad,
        },
    };
    let columns = vec![
        left("role", 0),
        left("dependency", 2),
        left("state", 0),
        left("since (UTC)", 1),
        right("failed %", 3),
        right("process", 5),
        left("host", 4),
    ];
    let open = breakers.iter().filter(|status| status.breaker.state != BreakerState::Closed).count();
    let summary = match (breakers.len(), open) {
        (0, _) => "none is known".to_owned(),
        (_, 0) => "all closed".to_owned(),
        (all, open) => format!("{open} of {all} not closed"),
    };
    Table { summary, columns, rows: breakers.iter().map(row).collect() }
}

pub fn outbox(outbox: &OutboxStatus) -> Table {
    let oldest = outbox.oldest_seconds.map(|oldest| format!(", the oldest for {}", span(oldest))).unwrap_or_default();
    let parked = match outbox.parked_messages {
        0 => String::new(),
        parked => format!("; {parked} parked"),
    };
    let messages = up_to(outbox.messages, outbox.counted_up_to);
    let row = |parked: &ParkedMessage| Row {
        cells: vec![
            parked.id.to_string(),
            span(parked.age_seconds),
            parked.kind.as_deref().map(printable).unwrap_or_default(),
            printable(&parked.reason),
        ],
        tone: Tone::Bad,
    };
    let columns = vec![left("parked", 0), right("waits", 1), left("type", 2), left("reason", 0)];
    let summary = format!("{messages} wait for the broker{oldest}{parked}");
    Table { summary, columns, rows: outbox.parked.iter().map(row).collect() }
}

pub fn stuck_orders(stuck: &StuckOrders) -> Table {
    let row = |order: &StuckOrder| Row {
        cells: vec![
            order.order_id.to_string(),
            printable(&order.waits_for),
            span(order.waited_seconds),
            moment(order.since),
            printable(order.status.as_deref().unwrap_or("unknown")),
            order.nudges.to_string(),
            moment(order.last_at),
            printable(&order.last_done),
            printable(order.blocked_by.as_deref().unwrap_or_default()),
        ],
        tone: Tone::Warn,
    };
    let columns = vec![
        left("order", 0),
        left("waits for", 0),
        right("waited", 1),
        left("since (UTC)", 4),
        left("status", 5),
        right("nudges", 6),
        left("last (UTC)", 7),
        left("what was done last", 3),
        left("blocked by", 0),
    ];
    let rows: Vec<Row> = stuck.oldest.iter().map(row).collect();
    Table { summary: up_to(stuck.orders, stuck.counted_up_to), columns, rows }
}

pub fn scheduler(scheduler: &SchedulerStatus) -> Table {
    let summary = match (&scheduler.leader, scheduler.led) {
        (Some(leader), true) => format!("led by {leader}"),
        (None, true) => "led; by whom, the next heartbeat tells".to_owned(),
        (_, false) => "nobody leads".to_owned(),
    };
    let row = |job: &JobStatus| Row {
        cells: vec![
            printable(&job.job),
            span(job.last_run_seconds_ago),
            job.runs.to_string(),
            job.failures.to_string(),
            printable(job.last_error.as_deref().unwrap_or_default()),
        ],
        tone: if job.last_error.is_some() { Tone::Bad } else { Tone::Plain },
    };
    let columns = vec![
        left("job", 0),
        right("last run", 0),
        right("runs", 3),
        right("failures", 2),
        left("error of the last run", 1),
    ];
    Table { summary, columns, rows: scheduler.jobs.iter().map(row).collect() }
}

pub fn dead_letters(letters: &DeadLetterStatus) -> Table {
    let row = |group: &DeadLetterGroup| Row {
        cells: vec![
            printable(&group.state),
            up_to(group.messages, letters.counted_up_to),
            printable(&group.reason),
            printable(if group.queue.is_empty() { "unknown" } else { &group.queue }),
            moment(group.last_failed_at),
        ],
        tone: match group.state.as_str() {
            "unresolved" => Tone::Bad,
            "resolved" | "discarded" => Tone::Dim,
            _ => Tone::Warn,
        },
    };
    let columns =
        vec![left("state", 0), right("messages", 0), left("reason", 0), left("queue", 1), left("last failed (UTC)", 2)];
    let mut states: Vec<(&str, i64)> = Vec::new();
    for group in &letters.groups {
        match states.iter_mut().find(|(state, _)| *state == group.state) {
            Some((_, messages)) => *messages += group.messages,
            None => states.push((&group.state, group.messages)),
        }
    }
    let told =
        |(state, messages): &(&str, i64)| format!("{} {}", up_to(*messages, letters.counted_up_to), printable(state));
    let summary = match states.is_empty() {
        true => "none".to_owned(),
        false => states.iter().map(told).collect::<Vec<_>>().join(", "),
    };
    Table { summary, columns, rows: letters.groups.iter().map(row).collect() }
}

pub fn inbox(inbox: &InboxStatus) -> Table {
    let oldest = inbox.oldest_seconds.map(|age| format!(", the oldest {} ago", span(age))).unwrap_or_default();
    let size = inbox.estimated_messages.map(|size| format!("about {size} handled messages are remembered{oldest}"));
    Table { summary: size.unwrap_or_else(|| "not estimated yet".to_owned()), ..Table::default() }
}

/// A number that was not counted to its end says so.
pub fn up_to(number: i64, counted: i64) -> String {
    if number >= counted && counted > 0 { format!("{number} or more") } else { number.to_string() }
}
