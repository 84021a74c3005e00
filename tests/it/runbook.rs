//! The operator's journey in docs/runbook.md, run as it stands there: from the alert to the proof, by the real programs. That its other
//! commands exist is held by `shown_commands`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use order_fleet::stand_ins::PartnerServer;
use serde_json::json;
use tokio::process::Command;
use uuid::Uuid;

use crate::support::fleet::Fleet;
use crate::support::{Options, Stage, eventually};

const ORDERS: i64 = 12;
/// From the alert to the proof.
const MOST_COMMANDS: usize = 5;

/// The commands of a section.
fn commands(section: &str) -> Vec<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/runbook.md")).expect("a page");
    let text = page.split("\n## ").find(|part| part.starts_with(section)).expect("the section");
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.flat_map(|block| block.lines().map(str::to_owned)).collect()
}

/// An operator's shell.
struct Shell {
    variables: BTreeMap<&'static str, String>,
}

impl Shell {
    fn know(&mut self, name: &'static str, value: &str) {
        self.variables.insert(name, value.to_owned());
    }

    async fn run(&self, command: &str) -> String {
        let programs = Path::new(env!("CARGO_BIN_EXE_orders")).parent().expect("a folder");
        let script = format!("PATH={}:$PATH\n{command}", programs.display());
        let output = Command::new("sh")
            .args(["-euc", &script])
            .envs(&self.variables)
            .stdin(Stdio::null())
            .output()
            .await
            .expect("a shell");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {}: {said}", output.status);
        said
    }
}

#[tokio::test]
async fn an_operator_comes_from_the_alert_to_the_proof_by_the_commands_of_the_runbook() {
    let stage = Stage::set(Options::default()).await;
    let chat = PartnerServer::start().await;
    let targets = chat.url("ops");
    let mut fleet = Fleet::start(&stage, &[("ALERT_TARGETS", &targets)]).await;
    stage.stock("WIDGET-01", 100).await;
    for number in 0..ORDERS {
        let order = json!({"id": Uuid::new_v4(), "customer_id": format!("c-{number}"), "email": "ada@shop.example",
            "items": [{"sku": "WIDGET-OLD", "quantity": 1, "price": 19.99}], "total": 19.99, "status": "pending",
            "created_at": "2026-11-21T12:00:00Z"});
        stage.publish_order(order.to_string().as_bytes()).await;
    }
    let waiting = "select count(*) from dead_letters where state = 'unresolved'";
    eventually("all are dead", async || (stage.database.number(waiting).await == ORDERS).then_some(())).await;
    let alert = eventually("the alert arrives", async || chat.calls("ops").first().map(|call| call.json())).await;
    let alert = alert["text"].as_str().expect("Slack's form of a message").to_owned();
    assert!(alert.contains("a new kind of failure in order_processing"), "{alert}");
    assert!(alert.contains("no product has the sku"), "{alert}");

    let (_, after) = alert.split_once("dead-letter-handler group ").expect("the alert says where to look");
    let mut shell = Shell { variables: BTreeMap::new() };
    shell.know("GROUP", after.split_whitespace().next().expect("an id"));
    shell.know("FLEET_OPERATOR", "anna");
    shell.know("ORDERS_API_URL", &fleet.address);
    shell.know("DATABASE_URL", &stage.database.url(None));
    shell.know("AMQP_URL", &stage.host.url);
    let journey = commands("A new kind of failure");
    let (to_the_proof, afterwards) = journey.split_at(journey.len() - 1);
    assert!(to_the_proof.len() <= MOST_COMMANDS, "{to_the_proof:?}");
    assert!(alert.contains(&to_the_proof[0].replace("$GROUP", &shell.variables["GROUP"])), "the alert has the first");

    let group = shell.run(&to_the_proof[0]).await;
    assert!(group.contains("unresolved   12") && group.contains("would fail again"), "{group}");
    let (_, letter) = group.split_once("dead-letter-handler show ").expect("the page says what comes next");
    shell.know("LETTER", letter.lines().next().expect("an id"));
    let letter = shell.run(&to_the_proof[1]).await;
    assert!(letter.contains("would fail again: /items/0/sku: no product has the sku WIDGET-OLD"), "{letter}");
    assert!(!letter.contains("ada@shop.example"), "{letter}");
    let mended = shell.run(&to_the_proof[2]).await;
    assert!(mended.contains("then would be applied") && mended.contains("12 edited"), "{mended}");
    let replayed = shell.run(&to_the_proof[3]).await;
    assert!(replayed.contains("completed: 12 applied of 12"), "{replayed}");
    assert!(replayed.contains(&format!("resolved: group {}", shell.variables["GROUP"])), "{replayed}");
    let log = shell.run(&to_the_proof[4]).await;
    let lines = |action: &str| log.lines().filter(|line| line.contains(action)).count();
    let deeds = ["dead_letter.edit", "replay.begin", "replay.end", "dead_letter_group.resolve"].map(lines);
    assert_eq!(deeds, [12, 1, 1, 1], "{log}");
    assert!(log.contains("operator:anna") && log.contains("the partner sends the old sku"), "{log}");

    stage.reach(ORDERS, "confirmed").await;
    let known = shell.run(&afterwards[0]).await;
    assert!(known.contains("acknowledged") && known.contains("on Monday"), "{known}");
    let mails = "select count(*) from notification_deliveries where channel = 'email'";
    eventually("every customer is told", async || (stage.database.number(mails).await == ORDERS).then_some(())).await;
    assert!(fleet.terminate().await.success());
    stage.finish().await;
}
