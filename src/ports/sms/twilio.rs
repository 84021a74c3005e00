//! SMS over Twilio's Messages API (<https://www.twilio.com/docs/messaging/api/message-resource>) or one compatible with it.
//! Called by [`super::SmsSender`].
//!
//! Every send carries the message's id as `I-Twilio-Idempotency-Token`. Twilio documents no promise for it on this API, so a
//! repeat after a lost answer may reach the phone twice there; a compatible gateway that honours it sends once.

use std::fmt;
use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde::Deserialize;

use super::Sms;
use crate::ports::http;
use crate::ports::outbound::{SendError, Sent, SetupError, Verdict, for_logs, within};

/// Who sends. `Debug` leaves the token out.
#[derive(Clone)]
pub struct Account {
    pub sid: String,
    pub auth_token: String,
    /// A number, a short code or a sender's name of that account.
    pub from: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("sid", &self.sid).field("from", &self.from).finish_non_exhaustive()
    }
}

#[derive(Debug)]
pub struct TwilioSms {
    client: Client,
    endpoint: Url,
    account: Account,
    deadline: Duration,
}

/// The fields read of an answer, good or bad.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    sid: Option<String>,
    /// Twilio's own number of the error.
    code: Option<u32>,
    message: Option<String>,
}

impl TwilioSms {
    /// `base` is the address before `/2010-04-01`; `deadline` bounds one send, connecting included.
    ///
    /// # Errors
    /// [`SetupError`] when the address is none or the client cannot be built.
    pub fn new(base: &str, account: Account, deadline: Duration) -> Result<Self, SetupError> {
        let base = http::base("SMS_API_URL", base)?;
        let endpoint = http::endpoint(&base, &["2010-04-01", "Accounts", &account.sid, "Messages.json"]);
        Ok(Self { client: http::client(&base)?, endpoint, account, deadline })
    }

    pub(super) async fn send(&self, sms: &Sms) -> Result<Sent, SendError> {
        within(self.deadline, async {
            let fields = [("To", sms.to.as_str()), ("From", &self.account.from), ("Body", &sms.body)];
            let response = self
                .client
                .post(self.endpoint.clone())
                .basic_auth(&self.account.sid, Some(&self.account.auth_token))
                .header("I-Twilio-Idempotency-Token", sms.message_id.to_string())
                .form(&fields)
                .send()
                .await
                .map_err(http::no_answer)?;
            let (status, retry_after) = (response.status(), http::retry_after(response.headers()));
            let answer: Answer = serde_json::from_slice(&http::body(response).await?).unwrap_or_default();
            let reason = || {
                let words = answer.message.as_deref().unwrap_or("no reason given");
                let words = for_logs(words, sms.to.as_str().trim_start_matches('+'), &sms.to.masked());
                format!("{status}, code {}: {words}", answer.code.map_or_else(|| "none".to_owned(), |c| c.to_string()))
            };
            match verdict(status, answer.code) {
                // Without an id it was not Twilio's API that answered, so nothing was taken over.
                Verdict::Accepted => match answer.sid {
                    Some(reference) => Ok(Sent { transport: "http", reference }),
                    None => Err(SendError::unavailable(format!("{status} without a message id"))),
                },
                Verdict::Refused => Err(SendError::Refused { reason: reason() }),
                Verdict::Unavailable => Err(SendError::Unavailable { reason: reason(), retry_after }),
            }
        })
        .await
    }
}

/// What an answer means. Only what concerns this text or its recipient refuses it; our account, our sender's number and
/// limits say nothing about the message.
fn verdict(status: StatusCode, code: Option<u32>) -> Verdict {
    match (status.as_u16(), code) {
        (200..=299, _) => Verdict::Accepted,
        // Our sender is wrong: 21212 invalid, 21603 missing, 21659 not of Twilio, 21660 of another account
        // (https://www.twilio.com/docs/api/errors). 20003 and 20404: our account.
        (400..=499, Some(21_212 | 21_603 | 21_659 | 21_660 | 20_003 | 20_404)) => Verdict::Unavailable,
        // Credentials, suspended account, unknown account, method, timeout, conflict with ourselves, limit.
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
        assert_eq!(verdict(201, None), Verdict::Accepted);
        for (status, code) in [(400, Some(21_211)), (400, Some(21_610)), (400, None), (413, None), (422, None)] {
            assert_eq!(verdict(status, code), Verdict::Refused, "{status} {code:?}");
        }
        for (status, code) in [
            (301, None),
            (400, Some(21_212)),
            (401, Some(20_003)),
            (403, None),
            (404, Some(20_404)),
            (429, Some(20_429)),
            (500, None),
            (503, None),
        ] {
            assert_eq!(verdict(status, code), Verdict::Unavailable, "{status} {code:?}");
        }
    }
}
