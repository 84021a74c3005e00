//! Clients of live streams, over Server-Sent Events and WebSocket, as any program would write them.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt;
use order_fleet::cli::{EventParser, ServerEvent};
use order_fleet::contract::tracking::{LiveEvent, Transition};
use reqwest::{Client, Response};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::waiting::DEADLINE;

/// An open stream of server-sent events.
pub struct EventSource {
    pub response: Response,
    parser: EventParser,
    read: VecDeque<ServerEvent>,
}

impl EventSource {
    /// `None` when nobody answers, or with an error.
    pub async fn try_open(url: &str, last_event_id: Option<&str>) -> Option<Self> {
        let client = Client::builder().no_proxy().connect_timeout(Duration::from_secs(2)).build().expect("a client");
        let mut request = client.get(url).header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.ok().filter(|response| response.status().is_success())?;
        Some(Self { response, parser: EventParser::default(), read: VecDeque::new() })
    }

    pub async fn open(url: &str, last_event_id: Option<&str>) -> Self {
        Self::try_open(url, last_event_id).await.unwrap_or_else(|| panic!("{url} does not stream"))
    }

    /// The next event; `None` when the stream ends or breaks off.
    pub async fn next(&mut self) -> Option<ServerEvent> {
        while self.read.is_empty() {
            let piece = timeout(DEADLINE, self.response.chunk()).await.expect("a sign of life in time");
            self.read.extend(self.parser.feed(&piece.ok()??));
        }
        self.read.pop_front()
    }

    /// The next transition, whatever heartbeats come before.
    pub async fn transition(&mut self) -> Option<Transition> {
        loop {
            if let LiveEvent::Transition(transition) = parse(&self.next().await?) {
                return Some(transition);
            }
        }
    }

    /// Every transition up to the first heartbeat, and the position that it names.
    pub async fn until_current(&mut self) -> (Vec<Transition>, i64) {
        let mut transitions = Vec::new();
        loop {
            match parse(&self.next().await.expect("the stream goes on")) {
                LiveEvent::Transition(transition) => transitions.push(transition),
                LiveEvent::Heartbeat { after, .. } => return (transitions, after),
            }
        }
    }
}

pub fn parse(event: &ServerEvent) -> LiveEvent {
    let parsed: LiveEvent = serde_json::from_str(&event.data).unwrap_or_else(|error| panic!("{error}: {event:?}"));
    assert_eq!((parsed.name(), parsed.position().to_string()), (event.name.as_str(), event.id.clone()));
    parsed
}

/// An open WebSocket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// `None` when nobody answers, or with an error.
    pub async fn try_open(url: &str) -> Option<Self> {
        let url = url.replacen("http://", "ws://", 1);
        let (socket, _) = timeout(DEADLINE, connect_async(url)).await.expect("an answer in time").ok()?;
        Some(Self(socket))
    }

    /// The next event; `Err` with the code when it was closed in good order, without when it broke off.
    pub async fn next(&mut self) -> Result<LiveEvent, Option<u16>> {
        loop {
            match timeout(DEADLINE, self.0.next()).await.expect("a sign of life in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("an event")),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }
}
