//! A stream as a WebSocket (RFC 6455): each event is one text message. What the client sends is ignored.

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use tokio::time::timeout;

use crate::access::Origins;
use crate::contract::FieldError;
use crate::contract::tracking::LiveEvent;
use crate::intake::http::problem::{Problem, ProblemKind};
use crate::intake::http::router::ApiState;
use crate::tracking::{Ending, Tracking, Watch};

/// Clients have nothing to say.
const MAX_MESSAGE: usize = 4_096;

/// Longest wait for a client that takes nothing; above it the connection itself is given up (`runtime::serve`).
const SEND: std::time::Duration = std::time::Duration::from_secs(30);

/// The client wants a WebSocket. Absent where it wants none; a bad handshake is a problem.
pub(in crate::intake::http) struct Upgrade(pub Option<WebSocketUpgrade>);

impl FromRequestParts<ApiState> for Upgrade {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let wanted =
            parts.headers.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
        if !wanted {
            return Ok(Self(None));
        }
        if !may_open(&parts.headers, &state.guard.origins) {
            return Err(Problem::new(ProblemKind::Forbidden, "pages of this origin may not open WebSockets here"));
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

/// Browsers let every page open a WebSocket to everywhere and leave it to the server (RFC 6455, 10.2): ours are opened by the pages that
/// may call the API, and by programs, which name no origin.
fn may_open(headers: &HeaderMap, origins: &Origins) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    match (origin.to_str(), origins) {
        (_, Origins::Any) => true,
        (Err(_), Origins::These(_)) => false,
        (Ok(origin), Origins::These(these)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            these.iter().any(|one| one == origin) || host.is_some() && host == text(header::HOST)
        }
    }
}

pub(super) fn answer(upgrade: WebSocketUpgrade, watch: Watch, follow: bool, tracking: &Tracking) -> Response {
    let open = tracking.open.token();
    upgrade.max_message_size(MAX_MESSAGE).on_upgrade(async move |socket| {
        let _open = open;
        serve(socket, watch, follow).await;
    })
}

async fn serve(mut socket: WebSocket, mut watch: Watch, follow: bool) {
    loop {
        let message = tokio::select! {
            next = watch.next() => match next {
                Ok(event) => {
                    let is_all = matches!(event, LiveEvent::Heartbeat { .. });
                    if !tell(&mut socket, &event).await {
                        return;
                    }
                    if follow || !is_all {
                        continue;
                    }
                    Message::Close(Some(CloseFrame { code: close_code::NORMAL, reason: "everything is told".into() }))
                }
                Err(ending) => Message::Close(Some(farewell(ending))),
            },
            // pings are answered by the library
            received = socket.recv() => match received {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        };
        let _ = timeout(SEND, socket.send(message)).await;
        return;
    }
}

/// False: there is nobody to tell any more.
async fn tell(socket: &mut WebSocket, event: &LiveEvent) -> bool {
    let Ok(text) = serde_json::to_string(event) else { return true };
    matches!(timeout(SEND, socket.send(Message::Text(text.into()))).await, Ok(Ok(())))
}

fn farewell(ending: Ending) -> CloseFrame {
    let (code, reason) = match ending {
        Ending::Shutdown => (close_code::RESTART, "the service restarts: come back with after="),
        Ending::TooSlow => (close_code::AGAIN, "too slow: come back with after="),
        Ending::Lifetime => (close_code::AWAY, "the stream is old enough: come back with after="),
    };
    CloseFrame { code, reason: reason.into() }
}
