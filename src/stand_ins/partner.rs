//! A partner's web server that is told of events. Each path is an endpoint of its own: it keeps every call, and can be told to
//! misbehave, always or for some bodies only. Signatures are left to whoever runs it: it hands out what came.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use super::http::{Listener, Misbehaviour, Shared};

/// One call as it came.
#[derive(Clone, Debug)]
pub struct Call {
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Whether it was answered with success.
    pub taken: bool,
}

impl Call {
    /// `webhook-id`.
    pub fn id(&self) -> &str {
        self.headers.get("webhook-id").and_then(|id| id.to_str().ok()).expect("a webhook-id")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

#[derive(Default)]
struct Book {
    calls: HashMap<String, Vec<Call>>,
    /// By endpoint: how to misbehave, and a text that a body must contain for it.
    manners: HashMap<String, (Misbehaviour, String)>,
}

pub struct PartnerServer {
    listener: Listener,
    book: Arc<Shared<Book>>,
}

impl PartnerServer {
    pub async fn start() -> Self {
        let book: Arc<Shared<Book>> = Arc::default();
        let router = Router::new().route("/{endpoint}", post(take)).with_state(Arc::clone(&book));
        Self { listener: Listener::serve(router).await, book }
    }

    /// Address of one endpoint.
    pub fn url(&self, endpoint: &str) -> String {
        format!("{}/{endpoint}", self.listener.base)
    }

    pub fn misbehave(&self, endpoint: &str, misbehaviour: Misbehaviour) {
        self.misbehave_at(endpoint, "", misbehaviour);
    }

    /// Only when the body contains this text.
    pub fn misbehave_at(&self, endpoint: &str, text: &str, misbehaviour: Misbehaviour) {
        self.book.with(|book| book.manners.insert(endpoint.to_owned(), (misbehaviour, text.to_owned())));
    }

    pub fn behave(&self, endpoint: &str) {
        self.book.with(|book| book.manners.remove(endpoint));
    }

    /// Every call of one endpoint, in the order in which they came.
    pub fn calls(&self, endpoint: &str) -> Vec<Call> {
        self.book.with(|book| book.calls.get(endpoint).cloned().unwrap_or_default())
    }

    /// The calls that were answered with success.
    pub fn taken(&self, endpoint: &str) -> Vec<Call> {
        self.calls(endpoint).into_iter().filter(|call| call.taken).collect()
    }
}

async fn take(
    State(book): State<Arc<Shared<Book>>>,
    Path(endpoint): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = String::from_utf8_lossy(&body).into_owned();
    let misbehaviour = book.with(|book| {
        let manners = book.manners.get(&endpoint).filter(|(_, within)| text.contains(within));
        let misbehaviour = manners.map(|(misbehaviour, _)| misbehaviour.clone());
        let call = Call { headers, body, taken: misbehaviour.is_none() };
        book.calls.entry(endpoint).or_default().push(call);
        misbehaviour
    });
    match misbehaviour {
        Some(misbehaviour) => misbehaviour.respond().await,
        None => StatusCode::NO_CONTENT.into_response(),
    }
}
