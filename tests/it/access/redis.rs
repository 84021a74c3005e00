//! Quotas that two processes count together in a real Redis, and what they do while it is away.

use order_fleet::access::{Quota, Role, Standing, TokenRules};
use order_fleet::intake::http::RateLimits;
use order_fleet::ports::shared_quota::SharedQuota;

use super::{guard_with, token};
use crate::support::{Api, Redis, TestDatabase, eventually};

async fn sharing(database: &TestDatabase, redis: &Redis, quota: &str) -> Api {
    let shared = SharedQuota::new(&redis.url()).expect("an address");
    let limits = RateLimits::new(Some(quota.parse().expect("a quota")), None, Some(shared));
    Api::start_guarded(guard_with(TokenRules::default(), limits), database.pool.clone()).await
}

/// Status of one request, and how many more are possible.
async fn ask(api: &Api, who: &str) -> (u16, u32) {
    let request = api.get("/api/v1/products").bearer_auth(token(Role::Customer, who));
    let response = request.send().await.expect("an answer");
    let standing = response.headers()["ratelimit"].to_str().expect("ASCII");
    let remaining = standing.split("r=").nth(1).and_then(|rest| rest.split(';').next()).expect("r");
    (response.status().as_u16(), remaining.parse().expect("a number"))
}

#[tokio::test]
async fn two_processes_count_together_and_each_for_itself_while_redis_is_away() {
    let mut redis = Redis::start().await;
    let database = TestDatabase::create().await;
    let (one, two) = (sharing(&database, &redis, "4/600s").await, sharing(&database, &redis, "4/600s").await);
    assert_eq!(ask(&one, "cust-1").await, (200, 3));
    assert_eq!(ask(&two, "cust-1").await, (200, 2));
    assert_eq!(ask(&one, "cust-1").await, (200, 1));
    assert_eq!(ask(&two, "cust-1").await, (200, 0));
    assert_eq!(ask(&one, "cust-1").await, (429, 0));
    assert_eq!(ask(&two, "cust-1").await, (429, 0));
    assert_eq!(ask(&two, "cust-2").await, (200, 3));
    redis.kill().await;
    // each by itself: nobody is locked out because Redis is
    assert_eq!(ask(&one, "cust-1").await, (200, 3));
    assert_eq!(ask(&two, "cust-1").await, (200, 3));
    redis.start_again().await;
    eventually("they count together again", async || {
        let (_, before) = ask(&one, "cust-3").await;
        let (_, after) = ask(&two, "cust-3").await;
        (after + 1 == before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn redis_counts_as_memory_does() {
    let redis = Redis::start().await;
    let shared = SharedQuota::new(&redis.url()).expect("an address");
    let quota: Quota = "3/9s".parse().expect("a quota");
    let take = async || shared.take("test", quota).await.expect("Redis answers");
    for (remaining, seconds) in [(2, 3), (1, 6), (0, 9)] {
        let Standing::Within { remaining: left, full_in } = take().await else { panic!("refused") };
        assert_eq!(left, remaining);
        let wait = full_in.as_secs_f64();
        assert!((f64::from(seconds) - 1.0..=f64::from(seconds)).contains(&wait), "{wait}");
    }
    let Standing::Exhausted { retry_in } = take().await else { panic!("not refused") };
    assert!((2.0..=3.0).contains(&retry_in.as_secs_f64()), "{retry_in:?}");
    // a refusal counts for nothing
    let Standing::Exhausted { retry_in: then } = take().await else { panic!("not refused") };
    assert!(then <= retry_in);
}
