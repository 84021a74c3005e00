//! The ports against servers that speak the real protocols: mail, SMS, push.

mod mail;
mod push;
mod sms;

use std::time::Duration;

use order_fleet::contract::notification::Notification;
use order_fleet::ports::SendError;
use serde_json::json;

/// Long enough for any answer of a server on this machine, encryption included.
const PATIENCE: Duration = Duration::from_secs(10);

/// For servers that never answer.
const IMPATIENCE: Duration = Duration::from_secs(1);

fn notification(kind: &str) -> Notification {
    serde_json::from_value(json!({
        "type": kind,
        "order_id": "01890000-0000-7000-8000-0000000000a0",
        "customer_id": "ada@shop",
        "email": "ada@shop.example",
        "phone": "+49 30 123456",
        "total": 69.92,
        "status": "confirmed",
        "items": [{"sku": "GADGET-02", "quantity": 2, "price": 19.99}, {"sku": "BOLT/M8", "quantity": 3, "price": 9.98}],
    }))
    .expect("a notification as it travels")
}

#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, SendError>) -> String {
    match outcome {
        Err(SendError::Refused { reason }) => reason,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[track_caller]
fn unavailable<T: std::fmt::Debug>(outcome: Result<T, SendError>) -> (String, Option<Duration>) {
    match outcome {
        Err(SendError::Unavailable { reason, retry_after }) => (reason, retry_after),
        other => panic!("expected an outage, found {other:?}"),
    }
}

/// The only file of a folder.
fn only_file(folder: &std::path::Path) -> (String, String) {
    let mut files = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let path = files.next().expect("one file");
    assert_eq!(files.next(), None, "more than one file");
    let name = path.file_name().expect("a name").to_string_lossy().into_owned();
    (name, std::fs::read_to_string(path).expect("text"))
}
