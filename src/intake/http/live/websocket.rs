//! A stream as a WebSocket (RFC 6455): each event is one text message. What the client sends is ignored.

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use tokio::time::timeout;

use crate::contract::FieldError;
use crate::intake::http::problem::Problem;
use crate::tracking::{Ending, Tracking, Watch};

/// Clients have nothing to say.
const MAX_MESSAGE: usize = 4_096;

/// Longest wait for a client that takes nothing; above it the connection itself is given up (`runtime::serve`).
const SEND: std::time::Duration = std::time::Duration::from_secs(30);

/// The client wants a WebSocket. Absent where it wants none; a bad handshake is a problem.
pub(in crate::intake::http) struct Upgrade(pub Option<WebSocketUpgrade>);

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let wanted =
            parts.headers.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
        if !wanted {
            return Ok(Self(None));
        }
        match WebSocketUpgrade::from_request_parts(parts, state).await {
            Ok(upgrade) => Ok(Self(Some(upgrade))),
            Err(rejection) => Err(Problem::validation(vec![FieldError {
                pointer: "/Upgrade".to_owned(),
                detail: format!("header: {}", rejection.body_text()),
            }])),
        }
    }
}

pub(super) fn answer(upgrade: WebSocketUpgrade, watch: Watch, tracking: &Tracking) -> Response {
    let open = tracking.open.token();
    upgrade.max_message_size(MAX_MESSAGE).on_upgrade(async move |socket| {
        let _open = open;
        serve(socket, watch).await;
    })
}

async fn serve(mut socket: WebSocket, mut watch: Watch) {
    loop {
        let message = tokio::select! {
            next = watch.next() => match next.map(|event| serde_json::to_string(&event)) {
                Ok(Ok(text)) => Message::Text(text.into()),
                Ok(Err(_)) => continue,
                Err(ending) => {
                    let _ = timeout(SEND, socket.send(Message::Close(Some(farewell(ending))))).await;
                    return;
                }
            },
            // pings are answered by the library
            received = socket.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        };
        if !matches!(timeout(SEND, socket.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
}

fn farewell(ending: Ending) -> CloseFrame {
    let (code, reason) = match ending {
        Ending::Shutdown => (close_code::RESTART, "the service restarts: come back with after="),
        Ending::TooSlow => (close_code::AGAIN, "too slow: come back with after="),
        Ending::Lifetime => (close_code::AWAY, "the stream is old enough: come back with after="),
    };
    CloseFrame { code, reason: reason.into() }
}
