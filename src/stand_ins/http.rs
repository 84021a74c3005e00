//! What the HTTP servers share: the listener and how to misbehave.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::Router;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Instead of taking a message over.
#[derive(Clone, Debug)]
pub enum Misbehaviour {
    /// Answers so, with that body and an optional `Retry-After`.
    Answer { status: u16, body: String, retry_after: Option<u64> },
    /// Sends the client elsewhere.
    Redirect(String),
    /// Takes the request and stays silent.
    Hang,
}

impl Misbehaviour {
    pub fn status(status: u16, body: impl Into<String>) -> Self {
        Self::Answer { status, body: body.into(), retry_after: None }
    }

    pub async fn respond(self) -> Response {
        match self {
            Self::Hang => std::future::pending().await,
            Self::Redirect(to) => axum::response::Redirect::temporary(&to).into_response(),
            Self::Answer { status, body, retry_after } => {
                let status = axum::http::StatusCode::from_u16(status).expect("a status");
                let mut response = (status, body).into_response();
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert("retry-after", seconds.into());
                }
                response
            }
        }
    }
}

/// A value that a run sets and a handler reads.
#[derive(Default)]
pub struct Shared<T>(Mutex<T>);

impl<T> Shared<T> {
    pub fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A listener that ends when dropped.
pub struct Listener {
    pub base: String,
    task: JoinHandle<()>,
}

impl Listener {
    pub async fn serve(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { base, task }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The fields of an `application/x-www-form-urlencoded` body.
pub fn form(body: &str) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://form/?{body}")).expect("a form");
    url.query_pairs().into_owned().collect()
}

/// The text after `scheme ` in `Authorization`.
pub fn authorization<'a>(headers: &'a axum::http::HeaderMap, scheme: &str) -> Option<&'a str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix(scheme)?.strip_prefix(' ')
}
