//! Live streams of orders for `watch`: what happened and what happens, without asking again and again.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use reqwest::Response;
use tokio::time::timeout;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::event_stream::EventParser;
use crate::contract::tracking::{LiveEvent, Transition};

/// More than two of the signs of life that the API gives.
const SILENCE: Duration = Duration::from_secs(40);

/// Why a stream ended.
#[derive(Debug)]
pub enum Ended {
    /// This API has no streams, or none to spare, or does not know the order: asking tells.
    NotOffered,
    /// It may be opened again, from the last transition on.
    Lost,
}

/// A stream that is open.
struct Open {
    id: Uuid,
    response: Response,
    parser: EventParser,
    read: VecDeque<LiveEvent>,
}

/// The transitions of an order after a position; the end comes once, as an error.
pub fn transitions(client: &Client, id: Uuid, after: i64) -> BoxStream<'_, Result<Transition, Ended>> {
    let opened = stream::once(open(client, id, after));
    opened
        .flat_map(|opened| match opened {
            Ok(open) => stream::unfold(Some(open), async |open| {
                let mut open = open?;
                match open.next().await {
                    Some(transition) => Some((Ok(transition), Some(open))),
                    None => Some((Err(Ended::Lost), None)),
                }
            })
            .boxed(),
            Err(ended) => stream::iter([Err(ended)]).boxed(),
        })
        .boxed()
}

async fn open(client: &Client, id: Uuid, after: i64) -> Result<Open, Ended> {
    match client.events(&["orders", &id.to_string(), "events"], after).await {
        Ok(Some(response)) => Ok(Open { id, response, parser: EventParser::default(), read: VecDeque::new() }),
        Err(Error::Unreachable { .. }) => Err(Ended::Lost),
        Ok(None) | Err(_) => Err(Ended::NotOffered),
    }
}

impl Open {
    async fn next(&mut self) -> Option<Transition> {
        loop {
            while let Some(event) = self.read.pop_front() {
                match event {
                    LiveEvent::Transition(transition) if transition.order_id.0 == self.id => return Some(transition),
                    LiveEvent::Transition(_) | LiveEvent::Heartbeat { .. } => {}
                }
            }
            let bytes = timeout(SILENCE, self.response.chunk()).await.ok()?.ok()??;
            let events = self.parser.feed(&bytes);
            // what a newer API tells besides is none of ours
            self.read.extend(events.iter().filter_map(|event| serde_json::from_str(&event.data).ok()));
        }
    }
}
