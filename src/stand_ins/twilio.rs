//! Twilio's Messages API as far as it is used: checks the account and the fields, and sends each key once.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;

use super::http::{Listener, Misbehaviour, Shared, form};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub key: String,
    pub to: String,
    pub from: String,
    pub body: String,
}

#[derive(Default)]
struct Book {
    texts: Vec<(String, Text)>,
    repeats: usize,
    misbehaviour: Option<Misbehaviour>,
}

struct Account {
    sid: String,
    token: String,
    book: Shared<Book>,
}

pub struct TwilioServer {
    listener: Listener,
    account: Arc<Account>,
}

impl TwilioServer {
    pub async fn start(sid: &str, token: &str) -> Self {
        let account = Account { sid: sid.to_owned(), token: token.to_owned(), book: Shared::default() };
        let account = Arc::new(account);
        let router = Router::new()
            .route("/2010-04-01/Accounts/{sid}/Messages.json", post(create))
            .with_state(Arc::clone(&account));
        Self { listener: Listener::serve(router).await, account }
    }

    pub fn base(&self) -> &str {
        &self.listener.base
    }

    pub fn misbehave(&self, misbehaviour: Option<Misbehaviour>) {
        self.account.book.with(|book| book.misbehaviour = misbehaviour);
    }

    /// What was sent to phones, each key once.
    pub fn texts(&self) -> Vec<Text> {
        self.account.book.with(|book| book.texts.iter().map(|(_, text)| text.clone()).collect())
    }

    /// Requests whose key was known already.
    pub fn repeats(&self) -> usize {
        self.account.book.with(|book| book.repeats)
    }
}

async fn create(
    State(account): State<Arc<Account>>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    if let Some(misbehaviour) = account.book.with(|book| book.misbehaviour.clone()) {
        return misbehaviour.respond().await;
    }
    if sid != account.sid || !is_authentic(&account, &headers) {
        return problem(StatusCode::UNAUTHORIZED, 20_003, "Authenticate");
    }
    let mut fields = form(&body);
    let Some(text) = text(&headers, &mut fields) else {
        return problem(StatusCode::BAD_REQUEST, 21_604, "A field is missing");
    };
    if !text.to.starts_with('+') {
        return problem(StatusCode::BAD_REQUEST, 21_211, &format!("The 'To' number {} is not valid", text.to));
    }
    let sid = account.book.with(|book| {
        if let Some((sid, _)) = book.texts.iter().find(|(_, known)| known.key == text.key) {
            book.repeats += 1;
            return sid.clone();
        }
        let sid = format!("SM{:032x}", book.texts.len() + 1);
        book.texts.push((sid.clone(), text));
        sid
    });
    (StatusCode::CREATED, Json(json!({"sid": sid, "status": "queued", "error_code": null}))).into_response()
}

/// A client of the server's own making must give the same `Authorization` (RFC 7617).
fn is_authentic(account: &Account, headers: &HeaderMap) -> bool {
    let request = reqwest::Client::builder()
        .tls_certs_only([])
        .build()
        .expect("a client")
        .get("http://localhost")
        .basic_auth(&account.sid, Some(&account.token))
        .build()
        .expect("a request");
    headers.get("authorization") == request.headers().get("authorization")
}

fn text(headers: &HeaderMap, fields: &mut HashMap<String, String>) -> Option<Text> {
    Some(Text {
        key: headers.get("i-twilio-idempotency-token")?.to_str().ok()?.to_owned(),
        to: fields.remove("To")?,
        from: fields.remove("From")?,
        body: fields.remove("Body")?,
    })
}

fn problem(status: StatusCode, code: u32, message: &str) -> Response {
    (status, Json(json!({"code": code, "message": message, "status": status.as_u16()}))).into_response()
}
