//! Two operators replay the same letters at the same moment, and the replayers are killed half way: whoever takes over, each customer is
//! told once. With the real programs, many times.

use order_fleet::stand_ins::SmtpServer;
use serde_json::json;
use tokio::process::{Child, Command};

use super::*;
use crate::support::{Options, Role, Stage};

const ROUNDS: u64 = 20;
const LETTERS: usize = 30;
/// Seconds until others take over what a dead process has left.
const LEASE: &str = "2";
/// Other numbers kill at other moments.
#[expect(clippy::disallowed_methods, reason = "for whoever looks for more; no setting of the fleet")]
fn seed() -> u64 {
    std::env::var("FLEET_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

struct Office {
    stage: Stage,
    mails: SmtpServer,
    folder: tempfile::TempDir,
}

impl Office {
    fn program(&self, path: &str, log: &str) -> Command {
        let log = std::fs::File::create(self.folder.path().join(log)).expect("a log");
        let mut command = Command::new(path);
        command
            .envs([("DATABASE_URL", self.stage.database.url(None)), ("AMQP_URL", self.stage.host.url.clone())])
            .envs([("DATABASE_CONNECTIONS", "4"), ("METRICS_ADDR", "127.0.0.1:0"), ("SMTP_URL", &self.mails.url())])
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .kill_on_drop(true);
        command
    }

    fn operator(&self, name: &str, arguments: &[&str]) -> Child {
        let mut command = self.program(env!("CARGO_BIN_EXE_dead-letter-handler"), name);
        command.args(arguments).args(["--lease-seconds", LEASE, "--operator", name]).spawn().expect("it starts")
    }

    /// Mails that died, each of an order of its own.
    async fn die(&self, round: u64) {
        for number in 0..LETTERS {
            let body = json!({"type": "order_confirmation", "order_id": Uuid::new_v4(), "total": "1.00",
                "email": format!("round-{round}-{number}@shop.example")});
            let properties = given_up(&Uuid::new_v4().to_string(), "email_notifications", "notifications", "");
            self.stage.client.publish("dlx", "failed", properties, body.to_string().as_bytes()).await;
        }
        let waiting = "select count(*) from dead_letters where state = 'unresolved'";
        let all = i64::try_from(LETTERS).expect("small");
        eventually("they are stored", async || (self.stage.database.number(waiting).await == all).then_some(())).await;
    }

    /// Letters that the replays of all rounds have sent or left out.
    async fn progress(&self) -> i64 {
        self.stage
            .database
            .number("select coalesce(sum(sent + applied + skipped), 0)::bigint from replay_operations")
            .await
    }

    async fn running(&self) -> Vec<Uuid> {
        sqlx::query_scalar("select id from replay_operations where state = 'running'")
            .fetch_all(&self.stage.database.pool)
            .await
            .expect("the replays")
    }
}

#[tokio::test]
async fn two_operators_at_once_and_replayers_killed_half_way_tell_every_customer_once_in_twenty_rounds() {
    let mut stage = Stage::set(Options::default()).await;
    stage.start(&[Role::DeadLetters]).await;
    let office = Office { stage, mails: SmtpServer::start().await, folder: tempfile::tempdir().expect("a folder") };
    let _mailer = office.program(env!("CARGO_BIN_EXE_email-service"), "mailer").spawn().expect("it starts");
    let mut random = fastrand::Rng::with_seed(seed());
    let mut left_behind = 0;
    for round in 0..ROUNDS {
        office.die(round).await;
        let before = office.progress().await;
        let replay = ["replay", "--all", "--yes", "--why", "the shop is open again"];
        let (mut anna, mut ben) = (office.operator("anna", &replay), office.operator("ben", &replay));
        let (moment, victims) = (random.i64(1..40), random.u8(0..3));
        let pause = std::time::Duration::from_millis(random.u64(0..60));
        eventually("half way", async || (office.progress().await >= before + moment).then_some(())).await;
        tokio::time::sleep(pause).await;
        for (number, victim) in [&mut anna, &mut ben].into_iter().enumerate() {
            // 0: the first, 1: the second, 2: both
            if victims == 2 || usize::from(victims) == number {
                victim.kill().await.expect("killed, or it has ended");
            }
        }
        let orphans = office.running().await;
        left_behind += usize::from(!orphans.is_empty());
        // the service carries on; every other time a third operator is there as well
        let mut third = Vec::new();
        if round % 2 == 0 {
            third.extend(orphans.iter().map(|id| office.operator("carl", &["replays", "resume", &id.to_string()])));
        }
        eventually(&format!("round {round} is over"), async || office.running().await.is_empty().then_some(())).await;
        let open = "select count(*) from dead_letters where state <> 'resolved'";
        assert_eq!(office.stage.database.number(open).await, 0, "round {round}");
        for (name, mut child) in [("anna", anna), ("ben", ben)] {
            eventually(&format!("{name} has ended"), async || child.try_wait().expect("a status")).await;
        }
        for mut child in third {
            eventually("the third has ended", async || child.try_wait().expect("a status")).await;
        }
    }
    let all = ROUNDS * u64::try_from(LETTERS).expect("small");
    let all = i64::try_from(all).expect("small");
    eprintln!("{ROUNDS} rounds, {left_behind} of them with a replay that its process had left");
    assert!(left_behind >= 10, "{left_behind} rounds were cut half way: kill earlier");
    let inbox = "select count(*) from inbox where consumer = 'email-service'";
    eventually("all are read", async || (office.stage.database.number(inbox).await == all).then_some(())).await;
    assert_eq!(office.stage.database.number("select count(*) from notification_deliveries").await, all);
    let mut told: Vec<String> = office.mails.mails().iter().flat_map(|mail| mail.recipients.clone()).collect();
    told.sort();
    assert_eq!(i64::try_from(told.len()), Ok(all));
    told.dedup();
    assert_eq!(i64::try_from(told.len()), Ok(all), "each customer once");
    let odd: Vec<String> = sqlx::query_scalar(
        "select row_to_json(o)::text || coalesce((select json_agg(i)::text from replay_items i
             where i.operation_id = o.id and i.state in ('failed', 'unseen', 'kept')), '')
         from replay_operations o where failed > 0 or unseen > 0 or kept > 0 or state <> 'completed'",
    )
    .fetch_all(&office.stage.database.pool)
    .await
    .expect("the replays");
    assert!(odd.is_empty(), "{odd:#?}");
    office.stage.finish().await;
}
