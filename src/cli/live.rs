//! Live streams for `watch`: what happened and what happens, without asking again and again.

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
    /// This API has no streams.
    NotOffered,
    /// There is none to spare, or nothing of that name.
    Refused(Error),
    /// It may be opened again, from the last transition on.
    Lost,
}

/// A stream that is open.
struct Open {
    response: Response,
    parser: EventParser,
    read: VecDeque<LiveEvent>,
}

/// The transitions of an order after a position; the end comes once, as an error.
pub fn transitions(client: &Client, id: Uuid, after: i64) -> BoxStream<'_, Result<Transition, Ended>> {
    let events = events(client, ["orders".to_owned(), id.to_string()], Some(after));
    let of_order = events.filter_map(move |event| {
        std::future::ready(match event {
            Ok(LiveEvent::Transition(transition)) if transition.order_id.0 == id => Some(Ok(transition)),
            Ok(LiveEvent::Transition(_) | LiveEvent::Heartbeat { .. }) => None,
            Err(ended) => Some(Err(ended)),
        })
    });
    of_order.boxed()
}

/// The events of an order or a customer after a position; the end comes once, as an error.
pub fn events(client: &Client, [kind, id]: [String; 2], after: Option<i64>) -> BoxStream<'_, Result<LiveEvent, Ended>> {
    let opened = stream::once(async move { open(client, [&kind, &id], after).await });
    opened
        .flat_map(|opened| match opened {
            Ok(open) => stream::unfold(Some(open), async |open| {
                let mut open = open?;
                match open.next().await {
                    Some(event) => Some((Ok(event), Some(open))),
                    None => Some((Err(Ended::Lost), None)),
                }
            })
            .boxed(),
            Err(ended) => stream::iter([Err(ended)]).boxed(),
        })
        .boxed()
}

async fn open(client: &Client, [kind, id]: [&str; 2], after: Option<i64>) -> Result<Open, Ended> {
    match client.events(&[kind, id, "events"], after).await {
        Ok(Some(response)) => Ok(Open { response, parser: EventParser::default(), read: VecDeque::new() }),
        Ok(None) => Err(Ended::NotOffered),
        Err(Error::Unreachable { .. }) => Err(Ended::Lost),
        Err(error) => Err(Ended::Refused(error)),
    }
}

impl Open {
    async fn next(&mut self) -> Option<LiveEvent> {
        while self.read.is_empty() {
            let bytes = timeout(SILENCE, self.response.chunk()).await.ok()?.ok()??;
            let events = self.parser.feed(&bytes);
            // what a newer API tells besides is none of ours
            self.read.extend(events.iter().filter_map(|event| serde_json::from_str(&event.data).ok()));
        }
        self.read.pop_front()
    }
}
