//! A replay begins with few, follows each to its end, and leaves alone what fails again.

use std::sync::Arc;

use order_fleet::access::{Actor, Trust};
use order_fleet::dead_letters::replay::{Begin, Left, Runner, Turn, begin};
use order_fleet::lifecycle::SagaArgs;
use order_fleet::messaging::Broker;
use order_fleet::services::analytics_service::AnalyticsService;
use order_fleet::services::rehearsals::Rehearsals;
use order_fleet::store::dead_letters::{Change, GroupFilter, ItemState, Operation, OperationState, Selection, State};
use tokio_util::sync::CancellationToken;

use super::*;

const RATE: i32 = 200;

fn saga() -> SagaArgs {
    SagaArgs { stock_deadline_seconds: 1, payment_deadline_seconds: 1 }
}

impl Scene {
    fn runner(&self) -> Runner {
        self.runner_at(self.broker.broker("runner"))
    }

    pub(super) fn runner_at(&self, broker: Broker) -> Runner {
        let consumers = Arc::new(Rehearsals::new(saga()));
        Runner::new(Uuid::now_v7(), self.database.pool.clone(), broker, consumers)
    }

    pub(super) async fn begin(&self, filter: &Filter) -> Operation {
        let actor = Actor::person("anna", Trust::Operator);
        let asked = Begin {
            actor: &actor,
            reason: Some("a test"),
            rate: RATE,
            failure_limit: 0.05,
            watched: true,
            runner: None,
        };
        let mut tx = self.database.pool.begin().await.expect("a transaction");
        let begun = begin(&mut tx, &asked, &Selection::Matching(filter)).await.expect("recorded");
        tx.commit().await.expect("committed");
        begun
    }

    pub(super) async fn operation(&self, id: Uuid) -> Operation {
        let mut db = self.database.pool.acquire().await.expect("a connection");
        dead_letters::operation(&mut db, id).await.expect("read").expect("is there")
    }

    /// Events that died of the same cause; `good` says whether they can be recorded now.
    pub async fn dead_events(&self, error: &str, count: usize, good: bool) {
        for number in 0..count {
            let id = Uuid::new_v4();
            let properties = message(
                &id.to_string(),
                &[
                    ("fleet-reason", "attempts_exhausted"),
                    ("fleet-error", &format!("{error} {number}")),
                    ("fleet-origin-queue", "analytics"),
                    ("fleet-origin-exchange", "events"),
                    ("fleet-origin-routing-key", "order.note"),
                    ("fleet-failed-at", &format!("2026-01-02T00:00:{:02}Z", number % 60)),
                ],
            );
            let body = if good { format!("{{\"order_id\": \"{id}\"}}") } else { "no event".to_owned() };
            self.broker.publish("dlx", "failed", properties, body.as_bytes()).await;
        }
    }

    pub async fn run(&self, id: Uuid) -> Left {
        self.runner().run(id, &CancellationToken::new()).await.expect("the database answers")
    }
}

#[tokio::test]
async fn a_replay_of_a_mended_fault_grows_and_ends_with_every_message_applied() {
    let mut scene = Scene::open().await;
    scene.dead_events("the table is locked, try", 120, true).await;
    scene.stored(120).await;
    scene.workers.start(AnalyticsService::default());
    let begun = scene.begin(&Filter::default()).await;
    assert_eq!((begun.total, begun.stage), (120, 1));
    assert_eq!(scene.run(begun.id).await, Left::NotRunning);
    let ended = scene.operation(begun.id).await;
    assert_eq!((ended.state, ended.applied, ended.failed), (OperationState::Completed, 120, 0), "{ended:?}");
    assert!(ended.stage >= 50, "{ended:?}");
    assert_eq!(scene.database.number("select count(*) from recorded_events").await, 120);
    assert!(scene.list().await.iter().all(|letter| letter.state == State::Resolved));
    // a second replay of the same finds nothing
    assert_eq!(scene.begin(&Filter::default()).await.total, 0);
}

#[tokio::test]
async fn a_group_that_fails_again_is_kept_and_the_others_go_through() {
    let mut scene = Scene::open().await;
    scene.dead_events("the table is locked, try", 60, true).await;
    scene.dead_events("the body makes no sense, byte", 60, false).await;
    scene.stored(120).await;
    scene.workers.start(AnalyticsService::default());
    let begun = scene.begin(&Filter::default()).await;
    scene.run(begun.id).await;
    let ended = scene.operation(begun.id).await;
    assert_eq!((ended.state, ended.applied), (OperationState::Stopped, 60), "{ended:?}");
    assert!((1..=2).contains(&ended.failed) && ended.kept == 60 - ended.failed, "{ended:?}");
    let unresolved = scene.list().await.iter().filter(|letter| letter.state == State::Unresolved).count();
    assert_eq!(unresolved, 60, "nothing is lost");
    let mut db = scene.database.pool.acquire().await.expect("a connection");
    let filter = GroupFilter { unresolved: true, ..GroupFilter::default() };
    let groups = dead_letters::groups(&mut db, &filter, 10).await.expect("the groups");
    let kept: i64 = groups.iter().map(|group| group.unresolved).sum();
    assert_eq!(kept, 60);
}

#[tokio::test]
async fn two_operators_and_a_runner_that_dies_half_way_apply_everything_once() {
    let mut scene = Scene::open().await;
    scene.dead_events("the table is locked, try", 80, true).await;
    scene.stored(80).await;
    scene.workers.start(AnalyticsService::default());
    let (one, other) = (scene.begin(&Filter::default()).await, scene.begin(&Filter::default()).await);
    assert_eq!((one.total, other.total), (80, 80));
    let mut dying = scene.runner();
    let id = one.id;
    let dying = tokio::spawn(async move { dying.run(id, &CancellationToken::new()).await });
    eventually("half way", async || (scene.operation(one.id).await.applied >= 8).then_some(())).await;
    dying.abort();
    assert_eq!(scene.run(one.id).await, Left::Taken, "the dead runner's lease is not over");
    scene.database.execute("update replay_operations set runner_until = now() - interval '1 second'").await;
    let (mut first, mut second) = (scene.runner(), scene.runner());
    let never = CancellationToken::new();
    let (first, second) = tokio::join!(first.run(one.id, &never), second.run(other.id, &never));
    assert_eq!((first.expect("ran"), second.expect("ran")), (Left::NotRunning, Left::NotRunning));
    let (one, other) = (scene.operation(one.id).await, scene.operation(other.id).await);
    for ended in [&one, &other] {
        assert_eq!((ended.state, ended.failed), (OperationState::Completed, 0), "{ended:?}");
    }
    assert_eq!(scene.database.number("select count(*) from recorded_events").await, 80);
    assert!(scene.list().await.iter().all(|letter| letter.state == State::Resolved));
}

#[tokio::test]
async fn a_paused_replay_sends_nothing_and_goes_on_where_it_was_and_a_cancelled_one_keeps_the_rest() {
    let scene = Scene::open().await;
    scene.dead_events("the table is locked, try", 30, true).await;
    scene.stored(30).await;
    let begun = scene.begin(&Filter::default()).await;
    let turn = async |wanted| {
        let mut db = scene.database.pool.acquire().await.expect("a connection");
        let actor = Actor::person("anna", Trust::Operator);
        order_fleet::dead_letters::replay::turn(&mut db, &actor, begun.id, wanted)
            .await
            .expect("turned")
            .expect("is there")
            .1
    };
    assert!(turn(Turn::Pause).await);
    assert_eq!(scene.run(begun.id).await, Left::NotRunning);
    assert_eq!(scene.operation(begun.id).await.waiting(), 30);
    assert!(turn(Turn::Resume).await);
    assert!(!turn(Turn::Resume).await);
    assert!(turn(Turn::Cancel).await);
    let cancelled = scene.operation(begun.id).await;
    assert_eq!((cancelled.state, cancelled.kept), (OperationState::Cancelled, 30));
    assert_eq!(scene.begin(&Filter::default()).await.total, 30, "they are free again");
    scene.workers.stop().await;
}

#[tokio::test]
async fn the_figures_follow_what_became_of_each_message_whoever_came_in_between() {
    let scene = Scene::open().await;
    scene.dead_events("the table is locked, try", 3, true).await;
    scene.stored(3).await;
    let begun = scene.begin(&Filter::default()).await;
    let mut db = scene.database.pool.acquire().await.expect("a connection");
    let change = |position, to| Change { position, to, detail: None, message_id: None };
    dead_letters::change(&mut db, begun.id, &[change(1, ItemState::Sent)]).await.expect("written");
    // somebody cancels while the second is on its way to the broker
    assert_eq!(dead_letters::keep(&mut db, begun.id, None, "cancelled").await.expect("kept"), 2);
    let late = [change(1, ItemState::Applied), change(2, ItemState::Sent)];
    dead_letters::change(&mut db, begun.id, &late).await.expect("written");
    // a runner that had lost its lease comes late
    dead_letters::change(&mut db, begun.id, &[change(1, ItemState::Sent)]).await.expect("written");
    let now = scene.operation(begun.id).await;
    assert_eq!((now.applied, now.sent, now.kept, now.waiting()), (1, 1, 1, 0), "{now:?}");
}
