//! A broker that is short of memory blocks whoever publishes. It is a broker of this test alone: an alarm concerns all of it.

use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::all_once;
use crate::support::{Options, Stage, eventually, order_of};

/// Longer than the publisher waits for a confirm (15 s), so that sessions end by it.
const ALARM: Duration = Duration::from_secs(20);
/// Pause between two orders: a load that a debug build carries beside other tests.
const PACE: Duration = Duration::from_millis(250);
/// Ports that one instance takes, from its base on.
const PORTS: u16 = 10;

/// Another instance of `./dev up`, gone when dropped.
struct Instance {
    folder: TempDir,
    base: u16,
}

impl Instance {
    fn start() -> Self {
        // below the range that systems give out by themselves (Linux: from 32768 on)
        let free = |base: &u16| (*base..*base + PORTS).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        let first = 21_000 + u16::try_from(std::process::id() % 1000).expect("small") * PORTS;
        let base = (first..32_000).step_by(usize::from(PORTS)).find(free).expect("free ports");
        let instance = Self { folder: TempDir::new().expect("a folder"), base };
        instance.dev(&["up"]);
        instance
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/dev"));
        command.args(arguments).env("FLEET_DIR", self.folder.path().join("instance"));
        command.env("FLEET_PORT_BASE", self.base.to_string());
        for foreign in ["AMQP_URL", "DATABASE_URL", "AMQP_MANAGEMENT_URL"] {
            command.env_remove(foreign);
        }
        command.output().expect("./dev runs")
    }

    fn dev(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "./dev {arguments:?}: {told}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The broker's address and that of its management API.
    fn broker(&self) -> (String, String) {
        let environment = self.dev(&["env"]);
        let variable = |name: &str| {
            let line = environment.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
            line.unwrap_or_else(|| panic!("no {name} in {environment}")).trim_matches('\'').to_owned()
        };
        (variable("AMQP_URL"), variable("AMQP_MANAGEMENT_URL"))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.run(&["clean"]);
    }
}

#[tokio::test]
async fn a_broker_that_blocks_publishing_delays_orders_and_costs_none() {
    let instance = Instance::start();
    let mut stage = Stage::of_the_whole_fleet(Options { broker: Some(instance.broker()), ..Options::default() }).await;
    stage.stock("WIDGET-01", 1000).await;
    let mut orders = 0;
    instance.dev(&["rabbitmqctl", "set_vm_memory_high_watermark", "0.000001"]);
    let blocked = Instant::now();
    while blocked.elapsed() < ALARM {
        // the API takes orders all the time: they wait in the outbox
        stage.submit(&order_of("WIDGET-01", 1)).await;
        orders += 1;
        sleep(PACE).await;
    }
    let waiting = stage.database.number("select count(*) from outbox").await;
    assert!(waiting > 0, "nothing was held back");
    assert_eq!(stage.client.depth("dead_letters").await, 0);
    instance.dev(&["rabbitmqctl", "set_vm_memory_high_watermark", "0.4"]);
    let healed = Instant::now();
    eventually("the outbox is empty", async || {
        (stage.database.number("select count(*) from outbox").await == 0).then_some(())
    })
    .await;
    all_once(&mut stage, orders).await;
    println!("{orders} orders, {waiting} of them waiting at the end of the alarm; all confirmed after {:?}", healed.elapsed());
    stage.finish().await;
}
