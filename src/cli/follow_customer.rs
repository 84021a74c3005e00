//! `orders watch --customer`: every change of every order of a customer, as it happens.

use std::time::Duration;

use clap::Args;
use futures_util::stream::StreamExt;
use tokio::time::{Instant, sleep, timeout_at};

use super::client::Client;
use super::error::Error;
use super::live::{self, Ended};
use super::output::{Output, moment, printable};
use super::run::Outcome;
use crate::contract::tracking::{LiveEvent, Transition};
use crate::domain::CustomerId;

/// Before a stream that broke off is opened again: about one request, and about one restart.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

#[derive(Debug, Args)]
pub struct FollowCustomer {
    /// Follows all orders of this customer instead, from now on.
    #[arg(long, value_name = "CUSTOMER", value_parser = |text: &str| CustomerId::parse(text))]
    pub customer: Option<CustomerId>,
    /// Goes on after this position, the `id` of a line with --json; 0 is the beginning.
    #[arg(long, requires = "customer", value_name = "POSITION", value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
}

impl FollowCustomer {
    /// Until the time is up; without a time, for ever.
    ///
    /// # Errors
    /// What the API said; one that goes away is waited for, one that was never there is not.
    pub async fn run(
        &self,
        client: &Client,
        output: Output,
        customer: &CustomerId,
        timeout: Option<Duration>,
    ) -> Result<Outcome, Error> {
        let following = follow(client, output, customer, self.after);
        match timeout {
            None => following.await,
            Some(time) => timeout_at(Instant::now() + time, following).await.unwrap_or(Ok(Outcome::Success)),
        }
    }
}

async fn follow(
    client: &Client,
    output: Output,
    customer: &CustomerId,
    mut after: Option<i64>,
) -> Result<Outcome, Error> {
    let mut pause = PAUSES.0;
    let mut was_there = false;
    loop {
        let mut events = live::events(client, ["customers".to_owned(), customer.to_string()], after);
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    (was_there, pause, after) = (true, PAUSES.0, Some(event.position()));
                    if let LiveEvent::Transition(transition) = event {
                        tell(output, &transition)?;
                    }
                }
                Err(Ended::Lost) if was_there => {}
                Err(Ended::Lost) => {
                    return Err(Error::Unreachable {
                        at: client.address(),
                        cause: "no stream can be opened".to_owned(),
                    });
                }
                Err(Ended::Refused(error)) => match error.retry() {
                    Some(wanted) => pause = pause.max(wanted),
                    None => return Err(error),
                },
                Err(Ended::NotOffered) => {
                    return Err(Error::NotTheApi { at: client.address(), found: "no stream of events".to_owned() });
                }
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

fn tell(output: Output, transition: &Transition) -> Result<(), Error> {
    if output.json {
        return output.document(transition);
    }
    let Transition { at, order_id, event, status, detail, .. } = transition;
    let padding = " ".repeat(10_usize.saturating_sub(status.as_str().len()));
    let why = match detail {
        Some(detail) => format!("{event}: {detail}"),
        None => event.clone(),
    };
    let (time, why) = (output.dim(&format!("{} UTC", moment(*at))), output.dim(&printable(&why)));
    output.line(&format!("{time}  {order_id}  {}{padding}  {why}", output.status(*status)))
}
