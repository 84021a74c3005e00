//! What is wrong, in sentences, from the status alone: the first thing an operator reads.

use std::collections::BTreeMap;

use crate::contract::instance::{BreakerState, InstanceState};
use crate::contract::status::{
    BreakerStatus, DeadLetterStatus, InstanceStatus, OutboxStatus, Part, QueueStatus, ReplayStatus, SchedulerStatus,
    Status, StuckOrders, Trouble, span,
};
use crate::store::dead_letters::{OperationState, State};
use crate::topology::{WorkQueue, names};

/// A message that waited longer for its first attempt was in a backlog, not in a queue that flows.
const LONG_WAIT: f64 = 60.0;
/// The relay takes rows within a second; longer means that it, or the broker, is not there.
const OUTBOX_WAIT: f64 = 30.0;
/// A process that is ready for nothing after so long waits for something.
const LONG_START: f64 = 30.0;
/// The leader runs its most frequent job every second.
const IDLE_LEADER: f64 = 30.0;

/// Everything that is wrong, by part.
pub(super) fn troubles(status: &Status, management: Option<&str>) -> Vec<Trouble> {
    let mut found = Found::default();
    found.part("instances", &status.instances, |instances| of_instances(instances));
    found.part("queues", &status.queues, |queues| of_queues(queues));
    if let Some(complaint) = management {
        found.add("queues", format!("no rates: {complaint}"));
    }
    found.part("breakers", &status.breakers, |breakers| of_breakers(breakers));
    found.part("outbox", &status.outbox, of_outbox);
    found.part("inbox", &status.inbox, |_| Vec::new());
    found.part("stuck_orders", &status.stuck_orders, of_stuck_orders);
    found.part("scheduler", &status.scheduler, of_scheduler);
    found.part("dead_letters", &status.dead_letters, of_dead_letters);
    found.part("dead_letter_groups", &status.dead_letter_groups, |_| Vec::new());
    found.part("replays", &status.replays, |replays| of_replays(replays));
    found.part("stopped", &status.stopped, |_| Vec::new());
    found.all()
}

#[derive(Default)]
struct Found {
    troubles: Vec<Trouble>,
    /// The parts that could not be had, by the reason: one server that is away is one trouble.
    unknown: Vec<(String, Vec<&'static str>)>,
}

impl Found {
    fn add(&mut self, part: &str, detail: String) {
        self.troubles.push(Trouble { part: part.to_owned(), detail });
    }

    fn part<T>(&mut self, name: &'static str, part: &Part<T>, judge: impl FnOnce(&T) -> Vec<String>) {
        match part {
            Part::Known(value) => judge(value).into_iter().for_each(|detail| self.add(name, detail)),
            Part::Unknown { error } => match self.unknown.iter_mut().find(|(known, _)| known == error) {
                Some((_, names)) => names.push(name),
                None => self.unknown.push((error.clone(), vec![name])),
            },
        }
    }

    /// What cannot be had comes first: it may hide the rest.
    fn all(self) -> Vec<Trouble> {
        let unknown = self.unknown.into_iter().map(|(error, names)| Trouble {
            part: names.first().copied().unwrap_or_default().to_owned(),
            detail: format!("{error}: {} cannot be read", names.join(", ").replace('_', " ")),
        });
        unknown.chain(self.troubles).collect()
    }
}

/// One sentence per role and trouble, however many instances have it.
fn of_instances(instances: &[InstanceStatus]) -> Vec<String> {
    if instances.is_empty() {
        return vec!["no process has reported; is any running, in this database?".to_owned()];
    }
    let mut troubles: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for instance in instances {
        if let Some(trouble) = of_instance(instance) {
            *troubles.entry((&instance.role, trouble)).or_default() += 1;
        }
    }
    troubles
        .into_iter()
        .map(|((role, trouble), count)| match count {
            1 => format!("{role} {trouble}"),
            count => format!("{role} ({count} instances) {trouble}"),
        })
        .collect()
}

fn of_instance(instance: &InstanceStatus) -> Option<String> {
    let reason = || instance.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    if instance.silent {
        let silent = "is silent: it died, hangs, or cannot reach the database";
        return (!instance.replaced).then(|| silent.to_owned());
    }
    if instance.state == InstanceState::Paused.as_str() {
        return Some(format!("waits{}", reason()));
    }
    let is_late = instance.state == InstanceState::Starting.as_str() && instance.uptime_seconds > LONG_START;
    is_late.then(|| format!("has not got ready{}", reason()))
}

fn of_queues(queues: &[QueueStatus]) -> Vec<String> {
    queues.iter().filter_map(of_queue).collect()
}

fn of_queue(queue: &QueueStatus) -> Option<String> {
    let name = &queue.name;
    let is_consumed = name == names::DEAD_LETTERS || WorkQueue::by_name(name).is_some();
    if queue.state == "missing" {
        return Some(format!("{name} is missing: run setup"));
    }
    if name == names::UNREADABLE_LETTERS && queue.messages > 0 {
        return Some(format!("{name} holds {} that nobody can read", messages(queue.messages.into())));
    }
    if is_consumed && queue.consumers == 0 {
        let oldest = queue.untaken_seconds.filter(|waited| *waited >= 1.0);
        let oldest = oldest.map(|waited| format!(", the oldest for {} or more", span(waited))).unwrap_or_default();
        return Some(format!("nobody consumes {name}; waiting: {}{oldest}", messages(queue.messages.into())));
    }
    let waited = queue.oldest_seconds().filter(|waited| *waited > LONG_WAIT)?;
    Some(format!("messages wait {} in {name} before they are taken; waiting: {}", span(waited), queue.messages))
}

fn of_breakers(breakers: &[BreakerStatus]) -> Vec<String> {
    let told = |status: &BreakerStatus| {
        let breaker = &status.breaker;
        let since = breaker.since.map(|since| (time::OffsetDateTime::now_utc() - since).as_seconds_f64());
        let since = since.map(|seconds| format!(" for {}", span(seconds))).unwrap_or_default();
        let failed = breaker.failure_share * 100.0;
        match breaker.state {
            BreakerState::Closed => None,
            BreakerState::Open | BreakerState::HalfOpen => Some(format!(
                "{}: the {} fails, its breaker has been {}{since} ({failed:.0} % of the calls failed); messages wait and keep \
                 their attempts",
                status.role,
                breaker.dependency,
                breaker.state.as_str()
            )),
        }
    };
    breakers.iter().filter_map(told).collect()
}

fn of_outbox(outbox: &OutboxStatus) -> Vec<String> {
    let mut troubles = Vec::new();
    if outbox.parked_messages > 0 {
        let reason = outbox.parked.first().map(|parked| format!(", the first: {}", parked.reason)).unwrap_or_default();
        let count = counted(outbox.parked_messages, outbox.counted_up_to);
        troubles.push(format!("messages that cannot be published: {count}{reason}; see `orders outbox list`"));
    }
    if let Some(waited) = outbox.oldest_seconds.filter(|waited| *waited > OUTBOX_WAIT) {
        let count = counted(outbox.messages, outbox.counted_up_to);
        troubles.push(format!("messages that wait for the broker: {count}, the oldest for {}", span(waited)));
    }
    troubles
}

fn of_stuck_orders(stuck: &StuckOrders) -> Vec<String> {
    let Some(oldest) = stuck.oldest.first() else { return Vec::new() };
    let count = counted(stuck.orders, stuck.counted_up_to);
    let waits = format!("waits for {} for {}", oldest.waits_for, span(oldest.waited_seconds));
    let blocked = oldest.blocked_by.as_deref().map(|by| format!(" ({by})")).unwrap_or_default();
    vec![format!("orders that do not move on: {count}; {} {waits}{blocked}", oldest.order_id)]
}

fn of_scheduler(scheduler: &SchedulerStatus) -> Vec<String> {
    if !scheduler.led {
        return vec!["nobody leads: deadlines and stuck orders are not looked after".to_owned()];
    }
    let last = scheduler.jobs.iter().map(|job| job.last_run_seconds_ago).reduce(f64::min);
    let idle = last.filter(|last| *last > IDLE_LEADER);
    let idle = idle.map(|last| format!("it is led, but no job has run for {}", span(last)));
    let failed = scheduler.jobs.iter().filter_map(|job| Some((job, job.last_error.as_deref()?)));
    idle.into_iter().chain(failed.map(|(job, error)| format!("the job {} failed: {error}", job.job))).collect()
}

fn of_dead_letters(letters: &DeadLetterStatus) -> Vec<String> {
    let sum = |state: State| -> i64 {
        letters.groups.iter().filter(|group| group.state == state.as_str()).map(|group| group.messages).sum()
    };
    match sum(State::Unresolved) {
        0 => Vec::new(),
        count => {
            let count = counted(count, letters.counted_up_to);
            vec![format!("dead letters that wait for an operator: {count}; see `dead-letter-handler list`")]
        }
    }
}

/// One that runs is no trouble; one that is paused goes on only when somebody says so.
fn of_replays(replays: &[ReplayStatus]) -> Vec<String> {
    let paused = replays.iter().filter(|replay| replay.state == OperationState::Paused.as_str());
    let told = paused.map(|replay| {
        let why = replay.state_reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        format!(
            "a replay of {} is paused{why}; see `dead-letter-handler replays show {}`",
            messages(replay.total.into()),
            replay.id
        )
    });
    told.collect()
}

fn messages(number: i64) -> String {
    if number == 1 { "1 message".to_owned() } else { format!("{number} messages") }
}

/// A number that was not counted to its end says so.
fn counted(number: i64, up_to: i64) -> String {
    if number >= up_to { format!("{number} or more") } else { number.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str, messages: u32, consumers: u32) -> QueueStatus {
        QueueStatus {
            name: name.to_owned(),
            state: "present".to_owned(),
            messages,
            consumers,
            ..QueueStatus::default()
        }
    }

    #[test]
    fn a_queue_without_consumers_is_trouble_only_where_somebody_should_consume() {
        let troubles = of_queues(&[
            queue("payment_requests", 12, 0),
            queue("payment_requests_retry_0", 3, 0),
            queue("unreadable_letters", 0, 0),
            queue("analytics", 500, 2),
            QueueStatus { state: "missing".to_owned(), ..queue("dead_letters", 0, 0) },
        ]);
        let expected = ["nobody consumes payment_requests; waiting: 12 messages", "dead_letters is missing: run setup"];
        assert_eq!(troubles, expected);
    }

    #[test]
    fn a_backlog_is_told_by_how_long_messages_wait_not_by_how_many() {
        let waited = |seconds| QueueStatus { oldest_taken_seconds: Some(seconds), ..queue("analytics", 9, 1) };
        assert!(of_queues(&[waited(5.0)]).is_empty());
        assert_eq!(of_queues(&[waited(180.0)]), ["messages wait 3 min in analytics before they are taken; waiting: 9"]);
    }

    #[test]
    fn a_scheduler_that_leads_and_does_nothing_is_trouble() {
        assert_eq!(of_scheduler(&SchedulerStatus::default()).len(), 1);
        let led = SchedulerStatus { led: true, ..SchedulerStatus::default() };
        assert!(of_scheduler(&led).is_empty());
    }

    #[test]
    fn a_count_that_was_cut_off_says_so() {
        assert_eq!((counted(3, 10), counted(10, 10)), ("3".to_owned(), "10 or more".to_owned()));
    }

    #[test]
    fn a_server_that_is_away_is_one_trouble_and_the_first() {
        let away: Part<()> = Part::Unknown { error: "the database is away".to_owned() };
        let mut found = Found::default();
        found.add("queues", "no rates".to_owned());
        found.part("outbox", &away, |()| Vec::new());
        found.part("stuck_orders", &away, |()| Vec::new());
        let details: Vec<String> = found.all().into_iter().map(|trouble| trouble.detail).collect();
        assert_eq!(details, ["the database is away: outbox, stuck orders cannot be read", "no rates"]);
    }
}
