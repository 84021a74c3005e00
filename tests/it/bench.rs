//! The load generator on a real fleet: what it reports is what the rows say.

use std::time::Duration;

use indicatif::ProgressBar;
use order_fleet::bench::load::{LoadOptions, LoadReport, Pace, run};

use crate::support::fleet::Fleet;
use crate::support::{Options, Stage};

const ORDERS: u64 = 40;

async fn load(stage: &Stage, fleet: &Fleet, pace: Pace, by_rows: bool) -> LoadReport {
    let options = LoadOptions {
        access_token: None,
        api: fleet.address.parse().expect("an address"),
        pace,
        orders: ORDERS,
        warm_up: 5,
        name: format!("{pace:?}"),
        products: Some(3),
        payment_token: Some("tok_visa".to_owned()),
        request_timeout: Duration::from_secs(30),
        settle: Some(Duration::from_secs(60)),
        database: by_rows.then(|| stage.database.url(None).parse().expect("an address")),
    };
    run(&options, |_, _| ProgressBar::hidden()).await.expect("every order ends")
}

#[tokio::test]
async fn a_load_ends_when_every_order_is_final_and_everything_it_caused_is_consumed() {
    let stage = Stage::set(Options::default()).await;
    let mut fleet = Fleet::start(&stage, &[]).await;
    let closed = load(&stage, &fleet, Pace::Closed { connections: 4 }, true).await;
    assert_eq!((closed.accepted, closed.failed.len()), (ORDERS, 0));
    assert_eq!(closed.accept_latency.expect("latencies").count, ORDERS);
    let ended = closed.ended.expect("the end");
    assert_eq!((ended.confirmed, ended.not_confirmed), (ORDERS, 0));
    assert!(ended.consumed_seconds >= ended.final_seconds && ended.final_seconds > 0.0, "{ended:?}");
    let confirmed = ended.confirm_latency.expect("rows with times");
    assert!(confirmed.count >= ORDERS && confirmed.p50 > 0.0 && confirmed.p999 <= confirmed.max, "{confirmed:?}");
    assert_eq!(stage.database.number("select count(*) from notification_deliveries").await, 2 * 45);

    let open = load(&stage, &fleet, Pace::Rate { per_second: 100.0, connections: 8 }, false).await;
    assert_eq!((open.accepted, open.rate), (ORDERS, Some(100.0)));
    assert!(open.submit_seconds >= 0.38, "forty orders at 100 per second take 0.39 s: {}", open.submit_seconds);
    assert_eq!(open.ended.expect("the end").confirmed, ORDERS);
    assert_eq!(stage.database.number("select count(*) from orders where status = 'confirmed'").await, 90);

    // under its name, a run that is repeated orders nothing twice
    let again = load(&stage, &fleet, Pace::Closed { connections: 4 }, true).await;
    assert_eq!((again.accepted, again.replayed, again.ended), (ORDERS, ORDERS, None));
    assert_eq!(stage.database.number("select count(*) from orders").await, 90);
    assert!(fleet.terminate().await.success());
    stage.finish().await;
}
