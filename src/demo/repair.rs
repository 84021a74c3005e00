//! The operator's part, while the orders run: find the dead letters, repair the cause of one, replay both. The one whose cause is
//! repaired becomes an order, the other dies again. Called by [`super::run`].

use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::catalogue::FORGOTTEN;
use super::programs::Programs;
use super::screen::{Screen, shortened};
use super::shop::Shop;

const PROGRAM: &str = "dead-letter-handler";
/// A dead letter is in the database within a second; the machine may be busy with everything else.
const DEADLINE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(300);

/// One line of `dead-letter-handler list --json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Letter {
    pub id: Uuid,
    pub queue: String,
    pub reason: String,
    pub error: String,
    pub failures: u32,
    pub replays: u32,
    pub state: String,
}

/// # Errors
/// With the program's own words, or when it wrote something else.
pub async fn list(programs: &Programs) -> anyhow::Result<Vec<Letter>> {
    #[derive(Deserialize)]
    struct Page {
        dead_letters: Vec<Letter>,
    }
    let answer = programs.answer(PROGRAM, &["list", "--json"]).await?;
    let page: Page = serde_json::from_str(&answer).context("dead-letter-handler list --json cannot be read")?;
    Ok(page.dead_letters)
}

/// # Errors
/// When a dead letter does not appear or a replay is refused.
pub async fn repair(programs: &Programs, shop: &Shop, screen: &Screen) -> anyhow::Result<()> {
    let refused = wait_for(programs, "the order of an unknown product", |letter| letter.reason == "refused").await?;
    let poison = wait_for(programs, "the poison message", |letter| letter.reason == "bad_message").await?;
    for letter in [&refused, &poison] {
        screen.note(true, "dead letter", &format!("{:<12} {}", letter.reason, shortened(&letter.error, 68)));
    }
    shop.create(&FORGOTTEN).await?;
    replay(programs, refused.id).await?;
    screen.note(true, "repaired", &format!("{} added to the catalogue, the refused order replayed", FORGOTTEN.sku));
    replay(programs, poison.id).await?;
    let again = |letter: &Letter| letter.id == poison.id && letter.failures > poison.failures;
    let dead_again = wait_for(programs, "the second death of the poison message", again).await?;
    let text = format!("replayed as it was, the poison message failed again: {} failures", dead_again.failures);
    screen.note(true, "unrepaired", &text);
    Ok(())
}

async fn replay(programs: &Programs, id: Uuid) -> anyhow::Result<()> {
    let ended = programs.run(PROGRAM, &["replay", "--json", &id.to_string()]).await?;
    let report: Value = serde_json::from_str(&ended.stdout)
        .with_context(|| format!("dead-letter-handler replay did not answer: {}", ended.stderr))?;
    match report["first"][0]["state"].as_str() {
        // it was followed to its end: handled, or dead again
        Some("applied" | "failed") => Ok(()),
        Some(_) | None => bail!("dead letter {id} was not replayed: {}", ended.stdout),
    }
}

async fn wait_for(programs: &Programs, what: &str, is_it: impl Fn(&Letter) -> bool) -> anyhow::Result<Letter> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(letter) = list(programs).await?.into_iter().find(&is_it) {
            return Ok(letter);
        }
        if Instant::now() >= deadline {
            bail!("{what} is not among the dead letters after {} s", DEADLINE.as_secs());
        }
        sleep(PAUSE).await;
    }
}
