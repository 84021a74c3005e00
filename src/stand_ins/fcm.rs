//! Google's token endpoint and FCM's `messages:send` as far as they are used: verifies the signed assertion, hands out a token,
//! and takes messages from whoever carries it.

use std::path::Path;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::http::{Listener, Misbehaviour, Shared, authorization, form};
use super::keys::SigningKey;

const EMAIL: &str = "sender@fleet-test.iam.gserviceaccount.com";
const PROJECT: &str = "fleet-test";

#[derive(Default)]
struct Book {
    messages: Vec<Value>,
    tokens: usize,
    refused_assertions: Vec<String>,
    token_seconds: u64,
    misbehaviour: Option<Misbehaviour>,
    token_misbehaviour: Option<Misbehaviour>,
}

struct Project {
    key: SigningKey,
    book: Shared<Book>,
}

pub struct FcmServer {
    listener: Listener,
    project: Arc<Project>,
}

impl FcmServer {
    pub async fn start() -> Self {
        let project = Arc::new(Project { key: SigningKey::generate(), book: Shared::default() });
        project.book.with(|book| book.token_seconds = 3_600);
        let router = Router::new()
            .route("/token", post(token))
            .route(&format!("/v1/projects/{PROJECT}/messages:send"), post(send))
            .with_state(Arc::clone(&project));
        Self { listener: Listener::serve(router).await, project }
    }

    pub fn base(&self) -> &str {
        &self.listener.base
    }

    /// The key file that Google's console would hand out.
    pub fn write_credentials(&self, path: &Path) {
        let file = json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "1",
            "private_key": self.project.key.private_pem,
            "client_email": EMAIL,
            "token_uri": format!("{}/token", self.base()),
        });
        std::fs::write(path, file.to_string()).expect("the key file is written");
    }

    pub fn misbehave(&self, misbehaviour: Option<Misbehaviour>) {
        self.project.book.with(|book| book.misbehaviour = misbehaviour);
    }

    pub fn misbehave_for_tokens(&self, misbehaviour: Option<Misbehaviour>) {
        self.project.book.with(|book| book.token_misbehaviour = misbehaviour);
    }

    /// How long the tokens handed out from now on live.
    pub fn set_token_seconds(&self, seconds: u64) {
        self.project.book.with(|book| book.token_seconds = seconds);
    }

    /// The tokens handed out so far are taken no more.
    pub fn revoke_tokens(&self) {
        self.project.book.with(|book| book.tokens += 1_000);
    }

    pub fn tokens_handed_out(&self) -> usize {
        self.project.book.with(|book| book.tokens % 1_000)
    }

    pub fn refused_assertions(&self) -> Vec<String> {
        self.project.book.with(|book| book.refused_assertions.clone())
    }

    /// The `message` of each request taken.
    pub fn messages(&self) -> Vec<Value> {
        self.project.book.with(|book| book.messages.clone())
    }
}

async fn token(State(project): State<Arc<Project>>, headers: HeaderMap, body: String) -> Response {
    if let Some(misbehaviour) = project.book.with(|book| book.token_misbehaviour.clone()) {
        return misbehaviour.respond().await;
    }
    match verify(&project, &headers, &body) {
        Ok(()) => project.book.with(|book| {
            book.tokens += 1;
            let answer = json!({"access_token": format!("token-{}", book.tokens), "token_type": "Bearer",
                "expires_in": book.token_seconds});
            Json(answer).into_response()
        }),
        Err(problem) => {
            project.book.with(|book| book.refused_assertions.push(problem.clone()));
            (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant", "error_description": problem})))
                .into_response()
        }
    }
}

/// The checks of RFC 7523, 3, with Google's scope and lifetime.
fn verify(project: &Project, headers: &HeaderMap, body: &str) -> Result<(), String> {
    let fields = form(body);
    if fields.get("grant_type").map(String::as_str) != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        return Err("wrong grant type".to_owned());
    }
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&[format!("http://{host}/token")]);
    validation.set_issuer(&[EMAIL]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    let key = DecodingKey::from_rsa_pem(project.key.public_pem.as_bytes()).expect("a public key");
    let assertion = fields.get("assertion").ok_or("no assertion")?;
    let claims = jsonwebtoken::decode::<Value>(assertion, &key, &validation).map_err(|error| error.to_string())?.claims;
    let seconds = claims["exp"].as_i64().unwrap_or_default() - claims["iat"].as_i64().unwrap_or_default();
    if claims["scope"] != "https://www.googleapis.com/auth/firebase.messaging" || !(1..=3_600).contains(&seconds) {
        return Err(format!("wrong scope or lifetime: {claims}"));
    }
    Ok(())
}

async fn send(State(project): State<Arc<Project>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if let Some(misbehaviour) = project.book.with(|book| book.misbehaviour.clone()) {
        return misbehaviour.respond().await;
    }
    project.book.with(|book| {
        if authorization(&headers, "Bearer") != Some(&format!("token-{}", book.tokens)) {
            let answer = json!({"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "invalid token"}});
            return (StatusCode::UNAUTHORIZED, Json(answer)).into_response();
        }
        book.messages.push(body["message"].clone());
        Json(json!({"name": format!("projects/{PROJECT}/messages/{}", book.messages.len())})).into_response()
    })
}
