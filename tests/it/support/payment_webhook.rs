//! What a payment gateway tells: signed webhooks, as they should be and as they should not.

use order_fleet::contract::signature::{self, Secret};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Api, answer, eventually};

/// What every API of the tests believes: the secret that is being replaced, and its successor.
pub const SECRETS: [&str; 2] = ["whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQt", "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXct"];
/// What none of them believes.
pub const STRANGE: &str = "whsec_c3RyYW5nZXItc3RyYW5nZXItc3RyYW5n";

pub fn secret(text: &str) -> Secret {
    text.parse().expect("a secret")
}

/// A webhook before it is sent.
pub struct Webhook {
    pub id: String,
    pub timestamp: i64,
    pub body: String,
}

impl Webhook {
    /// Just made, with an id of its own.
    pub fn of(kind: &str, data: &Value) -> Self {
        let now = OffsetDateTime::now_utc();
        let body = json!({"type": kind, "timestamp": "2026-01-31T12:00:00Z", "data": data}).to_string();
        Self { id: format!("msg_{}", Uuid::new_v4().simple()), timestamp: now.unix_timestamp(), body }
    }

    pub fn succeeded(order: &str) -> Self {
        Self::of("payment.succeeded", &json!({"order_id": order, "reference": "ch_late"}))
    }

    pub fn failed(order: &str) -> Self {
        Self::of("payment.failed", &json!({"order_id": order, "code": "insufficient_funds"}))
    }

    pub fn signed(&self, with: &str) -> String {
        secret(with).sign(&self.id, self.timestamp, self.body.as_bytes())
    }

    pub fn request(&self, api: &Api, signature: &str) -> RequestBuilder {
        api.post_bytes("/api/v1/payments/webhook", self.body.clone())
            .header(signature::ID, &self.id)
            .header(signature::TIMESTAMP, self.timestamp)
            .header(signature::SIGNATURE, signature)
    }

    /// Signed with the present secret; told again while the API is busy, as gateways do.
    pub async fn send(&self, api: &Api) -> (u16, Value) {
        eventually("the webhook is answered", async || {
            let told = answer(self.request(api, &self.signed(SECRETS[1]))).await;
            (told.0 != 503).then_some(told)
        })
        .await
    }
}
