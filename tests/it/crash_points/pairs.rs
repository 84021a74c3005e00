//! Which roles pass which boundaries. A new boundary does not compile until it is entered here.

use order_fleet::crash_points::Boundary;

/// Roles that consume a work queue, with the queue.
pub const WORKERS: [(&str, &str); 9] = [
    ("order-processor", "order_processing"),
    ("order-processor-replies", "order_replies"),
    ("inventory-service", "inventory_requests"),
    ("payment-service", "payment_requests"),
    ("email-service", "email_notifications"),
    ("sms-service", "sms_notifications"),
    ("push-service", "push_notifications"),
    ("analytics-service", "analytics"),
    ("webhook-service", "webhook_deliveries"),
];
const CALLERS: [&str; 5] = ["payment-service", "email-service", "sms-service", "push-service", "webhook-service"];

/// All that there are: 5 + 13 + 14 + 11 + 12 + 10 + 9.
pub const COUNT: usize = 74;

#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub role: &'static str,
    pub boundary: Boundary,
}

impl Pair {
    /// As `--crash-at` wants it.
    pub fn place(self) -> String {
        format!("{}/{}", self.role, self.boundary.as_str())
    }
}

pub fn queue_of(role: &str) -> Option<&'static str> {
    WORKERS.iter().find(|(worker, _)| *worker == role).map(|(_, queue)| *queue)
}

fn roles(boundary: Boundary) -> Vec<&'static str> {
    let workers = || WORKERS.iter().map(|(role, _)| *role);
    // takes messages into the database and publishes nothing
    let handler = "dead-letter-handler";
    match boundary {
        Boundary::AfterOutsideCall => CALLERS.to_vec(),
        Boundary::BeforeCommit => workers().chain([handler, "intake", "relay", "scheduler"]).collect(),
        Boundary::AfterCommit => workers().chain([handler, "intake", "relay", "scheduler", "replay"]).collect(),
        Boundary::AfterPublish => workers().chain(["relay", "replay"]).collect(),
        Boundary::AfterConfirm => workers().chain([handler, "relay", "replay"]).collect(),
        Boundary::AfterAck => workers().chain([handler]).collect(),
        Boundary::AfterMark => workers().collect(),
    }
}

pub fn all() -> Vec<Pair> {
    Boundary::ALL
        .into_iter()
        .flat_map(|boundary| roles(boundary).into_iter().map(move |role| Pair { role, boundary }))
        .collect()
}
