//! The API is killed (kill -9) and started again while orders pass: clients resume, miss nothing and get nothing twice.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use order_fleet::contract::tracking::LiveEvent;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use uuid::Uuid;

use crate::support::streams::{EventSource, Socket};
use crate::support::{ApiProcess, Options, Role, Stage, eventually, order_of};

const ORDERS: usize = 120;
/// How long a client pauses before it comes back.
const PAUSE: Duration = Duration::from_millis(50);

/// A client that comes back whatever happens, until it is dropped.
struct Follower {
    /// Every id in the order in which it came.
    told: Arc<Mutex<Vec<i64>>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Follower {
    /// Over SSE; each time another process, if there are several.
    fn of_events(urls: Vec<String>) -> Self {
        Self::start(async move |told, connections| {
            let mut last = "0".to_owned();
            for url in urls.iter().cycle() {
                let Some(mut source) = EventSource::try_open(url, Some(&last)).await else {
                    sleep(PAUSE).await;
                    continue;
                };
                connections.fetch_add(1, Ordering::SeqCst);
                while let Some(event) = source.next().await {
                    if event.name == "transition" {
                        told.lock().expect("not poisoned").push(event.id.parse().expect("a number"));
                    }
                    last = event.id;
                }
            }
        })
    }

    fn of_socket(url: String) -> Self {
        Self::start(async move |told, connections| {
            let mut last = 0;
            loop {
                let Some(mut socket) = Socket::try_open(&format!("{url}?after={last}")).await else {
                    sleep(PAUSE).await;
                    continue;
                };
                connections.fetch_add(1, Ordering::SeqCst);
                while let Ok(event) = socket.next().await {
                    last = event.position();
                    if let LiveEvent::Transition(transition) = event {
                        told.lock().expect("not poisoned").push(transition.id);
                    }
                }
            }
        })
    }

    fn start<F: Future<Output = ()> + Send + 'static>(
        follow: impl FnOnce(Arc<Mutex<Vec<i64>>>, Arc<AtomicUsize>) -> F,
    ) -> Self {
        let (told, connections) = (Arc::default(), Arc::default());
        let task = tokio::spawn(follow(Arc::clone(&told), Arc::clone(&connections)));
        Self { told, connections, task }
    }

    /// Waits for the last of them, and compares what came until then.
    async fn was_told(&self, name: &str, expected: &[i64]) {
        let step = format!("{name}: the last transition");
        let told = eventually(&step, async || {
            let told = self.told.lock().expect("not poisoned").clone();
            told.contains(expected.last()?).then_some(told)
        });
        assert_eq!(told.await, expected, "{name}");
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn history(stage: &Stage, order: Option<&str>) -> Vec<i64> {
    sqlx::query_scalar("select id from order_history where $1::uuid is null or order_id = $1::uuid order by id")
        .bind(order.map(|order| order.parse::<Uuid>().expect("an id")))
        .fetch_all(&stage.database.pool)
        .await
        .expect("the history")
}

#[tokio::test]
async fn streams_resume_after_the_api_was_killed_and_nothing_is_missed_or_told_twice() {
    let mut stage = Stage::set(Options::default()).await;
    stage.start(&Role::WORKERS).await;
    stage.stock("WIDGET-01", 1_000_000).await;
    let mut first = ApiProcess::start(&stage).await;
    let mut second = ApiProcess::start(&stage).await;
    let customer = [&first, &second].map(|api| format!("{}/api/v1/customers/c-1/events", api.address));
    let followers = [
        ("one process", Follower::of_events(vec![customer[0].clone()])),
        ("two processes", Follower::of_events(customer.to_vec())),
        ("a WebSocket", Follower::of_socket(customer[0].clone())),
    ];
    let mut of_orders = Vec::new();
    for round in 0..ORDERS {
        let id = stage.submit(&order_of("WIDGET-01", 1)).await;
        if round % 10 == 0 {
            let paths = [&first, &second].map(|api| format!("{}/api/v1/orders/{id}/events", api.address));
            let by_socket = Follower::of_socket(paths[0].clone());
            of_orders.push((id, Follower::of_events(paths.to_vec()), by_socket));
        }
        match round {
            30 | 80 => first.kill_and_start_again().await,
            55 => second.kill_and_start_again().await,
            // in good order this time: streams are closed, and the process ends at once
            100 => first.terminate_and_start_again().await,
            _ => {}
        }
    }
    stage.reach(ORDERS as i64, "confirmed").await;
    let expected = history(&stage, None).await;
    assert_eq!(expected.len(), ORDERS * 4);
    for (name, follower) in &followers {
        follower.was_told(name, &expected).await;
        assert!(follower.connections.load(Ordering::SeqCst) >= 3, "{name} has come back");
    }
    for (order, by_events, by_socket) in &of_orders {
        let expected = history(&stage, Some(order)).await;
        by_events.was_told(order, &expected).await;
        by_socket.was_told(order, &expected).await;
    }
    // with everybody still connected
    first.stop().await;
    second.stop().await;
    // a mail and a push of each
    stage
        .finish_after("every notification is sent", async |stage| {
            let sent = stage.database.number("select count(*) from notification_deliveries").await;
            (sent == ORDERS as i64 * 2).then_some(())
        })
        .await;
}
