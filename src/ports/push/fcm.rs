//! Push over FCM's HTTP v1 API (<https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>).
//! Called by [`super::PushSender`].
//!
//! FCM has no key against repeats. The message's id is therefore the tag under which each platform shows it: a repeat replaces
//! what is on the screen instead of adding to it.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use super::token::Tokens;
use super::{Push, ServiceAccount};
use crate::ports::http;
use crate::ports::outbound::{SendError, Sent, SetupError, Verdict, for_logs, within};

#[derive(Debug)]
pub struct FcmPush {
    client: Client,
    endpoint: Url,
    tokens: Tokens,
    deadline: Duration,
}

/// The fields read of an answer, good or bad.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    /// `projects/<project>/messages/<id>`
    name: Option<String>,
    error: Option<Problem>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    status: Option<String>,
    message: Option<String>,
    #[serde(default)]
    details: Vec<Value>,
}

impl Answer {
    /// FCM's own code where there is one, else the general one.
    fn code(&self) -> Option<&str> {
        let problem = self.error.as_ref()?;
        let own = problem.details.iter().find_map(|detail| detail.get("errorCode")?.as_str());
        own.or(problem.status.as_deref())
    }
}

impl FcmPush {
    /// `base` is the address before `/v1`; `deadline` bounds one send, fetching a token included.
    ///
    /// # Errors
    /// [`SetupError`] when an address is none or the client cannot be built.
    pub fn new(base: &str, account: ServiceAccount, deadline: Duration) -> Result<Self, SetupError> {
        let base = http::base("PUSH_API_URL", base)?;
        let endpoint = http::endpoint(&base, &["v1", "projects", &account.project_id, "messages:send"]);
        Ok(Self { client: http::client(&base)?, endpoint, tokens: Tokens::new(account)?, deadline })
    }

    pub(super) async fn send(&self, push: &Push) -> Result<Sent, SendError> {
        within(self.deadline, async {
            let token = self.tokens.get().await?;
            let request = self.client.post(self.endpoint.clone()).bearer_auth(&token).json(&body(push));
            let response = request.send().await.map_err(http::no_answer)?;
            let (status, retry_after) = (response.status(), http::retry_after(response.headers()));
            let answer: Answer = serde_json::from_slice(&http::body(response).await?).unwrap_or_default();
            if status == StatusCode::UNAUTHORIZED {
                self.tokens.forget(&token).await;
            }
            let reason = || {
                let words = answer.error.as_ref().and_then(|problem| problem.message.as_deref());
                let words = for_logs(words.unwrap_or("no reason given"), "", "");
                format!("{status}, {}: {words}", answer.code().unwrap_or("no code"))
            };
            match verdict(status, answer.code()) {
                Verdict::Accepted => match answer.name {
                    Some(reference) => Ok(Sent { transport: "http", reference }),
                    None => Err(SendError::unavailable(format!("{status} without a message name"))),
                },
                Verdict::Refused => Err(SendError::Refused { reason: reason() }),
                Verdict::Unavailable => Err(SendError::Unavailable { reason: reason(), retry_after }),
            }
        })
        .await
    }
}

fn body(push: &Push) -> Value {
    let id = push.message_id.to_string();
    json!({
        "message": {
            "topic": push.topic,
            "notification": { "title": push.title, "body": push.body },
            "data": push.data,
            "android": { "notification": { "tag": id } },
            "apns": { "headers": { "apns-collapse-id": id } },
            "webpush": { "notification": { "tag": id } },
        }
    })
}

/// What an answer means (<https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode>). Only a message that FCM cannot
/// take, or a target that is gone, refuses it; our account, our project and limits say nothing about the message.
fn verdict(status: StatusCode, code: Option<&str>) -> Verdict {
    match (status.as_u16(), code) {
        (200..=299, _) => Verdict::Accepted,
        (404, Some("UNREGISTERED")) => Verdict::Refused,
        (401 | 403 | 404 | 405 | 407 | 408 | 409 | 425 | 429, _) => Verdict::Unavailable,
        (400..=499, _) => Verdict::Refused,
        (_, _) => Verdict::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_about_this_message_refuse_it() {
        let verdict = |status, code| verdict(StatusCode::from_u16(status).expect("a status"), code);
        assert_eq!(verdict(200, None), Verdict::Accepted);
        for (status, code) in [(400, Some("INVALID_ARGUMENT")), (404, Some("UNREGISTERED")), (413, None)] {
            assert_eq!(verdict(status, code), Verdict::Refused, "{status} {code:?}");
        }
        for (status, code) in [
            (302, None),
            (401, Some("THIRD_PARTY_AUTH_ERROR")),
            (403, Some("SENDER_ID_MISMATCH")),
            (404, Some("NOT_FOUND")),
            (429, Some("QUOTA_EXCEEDED")),
            (500, Some("INTERNAL")),
            (503, Some("UNAVAILABLE")),
        ] {
            assert_eq!(verdict(status, code), Verdict::Unavailable, "{status} {code:?}");
        }
    }

    #[test]
    fn the_code_of_fcm_itself_is_preferred_to_the_general_one() {
        let answer: Answer = serde_json::from_value(json!({"error": {"status": "NOT_FOUND", "details": [
            {"@type": "type.googleapis.com/google.rpc.BadRequest"}, {"errorCode": "UNREGISTERED"}]}}))
        .expect("decodes");
        assert_eq!(answer.code(), Some("UNREGISTERED"));
    }
}
