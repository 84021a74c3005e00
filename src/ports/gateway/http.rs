//! A payment gateway over HTTP, in the manner of Stripe's API (<https://docs.stripe.com/api/idempotent_requests>): forms in, JSON
//! out, `Idempotency-Key` on every request. Called by the payment-service through [`super::Gateway`].
//!
//! A charge whose `status` is `pending` is decided later: the gateway tells by a webhook ([`crate::contract::payment_webhook`]).
//!
//! A refund names the key of its charge (`charge_key`) beside the charge's reference, because the reference is unknown when the answer to the charge
//! was lost. The gateway must give back what it holds under that key, or else close the key to every later charge and say `nothing_held`.

use std::fmt;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, Url};
use rust_decimal::Decimal;
use serde::Deserialize;
use uuid::Uuid;

use super::{Charge, ChargeRequest, GatewayError, PaymentGateway, Refund};
use crate::ports::SetupError;
use crate::ports::http;

/// `Debug` leaves the key out.
pub struct HttpGateway {
    client: Client,
    charges: Url,
    refunds: Url,
    api_key: String,
    currency: String,
    deadline: Duration,
}

impl fmt::Debug for HttpGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpGateway").field("charges", &self.charges.as_str()).finish_non_exhaustive()
    }
}

/// The fields read of an answer, good or bad.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    id: Option<String>,
    status: Option<String>,
    error: Option<Problem>,
}

#[derive(Debug, Deserialize)]
struct Problem {
    code: Option<String>,
    decline_code: Option<String>,
}

impl HttpGateway {
    /// `base` is the address before `/v1`; `deadline` bounds one call, connecting included.
    ///
    /// # Errors
    /// [`SetupError`] when the address is none or the client cannot be built.
    pub fn new(base: &str, api_key: &str, currency: &str, deadline: Duration) -> Result<Self, SetupError> {
        let base = http::base("PAYMENT_API_URL", base)?;
        Ok(Self {
            client: http::client(&base)?,
            charges: http::endpoint(&base, &["v1", "charges"]),
            refunds: http::endpoint(&base, &["v1", "refunds"]),
            api_key: api_key.to_owned(),
            currency: currency.to_owned(),
            deadline,
        })
    }

    fn post(&self, url: &Url, key: &str) -> RequestBuilder {
        self.client.post(url.clone()).bearer_auth(&self.api_key).header("Idempotency-Key", key)
    }

    /// What it says, or that nobody knows what became of the request.
    async fn ask(&self, request: RequestBuilder) -> Result<(StatusCode, Answer), GatewayError> {
        let call = async {
            let response = request.send().await.map_err(|error| match error.is_connect() {
                true => GatewayError::Unavailable,
                false => GatewayError::Timeout,
            })?;
            let status = response.status();
            let body = http::body(response).await.map_err(|_| GatewayError::Timeout)?;
            Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
        };
        tokio::time::timeout(self.deadline, call).await.unwrap_or(Err(GatewayError::Timeout))
    }
}

impl PaymentGateway for HttpGateway {
    async fn charge(&self, request: &ChargeRequest) -> Result<Charge, GatewayError> {
        let (key, amount) = (request.key.to_string(), minor_units(request.amount.amount()));
        let mut form = vec![
            ("amount", amount.as_str()),
            ("currency", self.currency.as_str()),
            ("metadata[order_id]", key.as_str()),
        ];
        form.extend(request.token.as_deref().map(|token| ("source", token)));
        let (status, answer) = self.ask(self.post(&self.charges, &key).form(&form)).await?;
        charged(status, answer)
    }

    async fn refund(&self, key: Uuid, charged: Option<&str>) -> Result<Refund, GatewayError> {
        let charge_key = key.to_string();
        let mut form = vec![("charge_key", charge_key.as_str())];
        form.extend(charged.map(|reference| ("charge", reference)));
        let request = self.post(&self.refunds, &format!("refund-{key}")).form(&form);
        let (status, answer) = self.ask(request).await?;
        refunded(status, answer)
    }
}

/// Cents: an amount has at most two decimal places.
fn minor_units(amount: Decimal) -> String {
    (amount * Decimal::ONE_HUNDRED).normalize().to_string()
}

/// Only 402 is about the payment (<https://docs.stripe.com/api/errors>). Everything else is about our account, our request or the
/// gateway, and decides nothing.
fn charged(status: StatusCode, answer: Answer) -> Result<Charge, GatewayError> {
    match (status.as_u16(), answer) {
        (200..=299, Answer { id: Some(reference), status: Some(status), .. }) if status == "pending" => {
            Ok(Charge::Pending { reference })
        }
        (200..=299, Answer { id: Some(reference), .. }) => Ok(Charge::Taken { reference }),
        (402, Answer { error: Some(Problem { code, decline_code }), .. }) => {
            Ok(Charge::Declined { code: decline_code.or(code).unwrap_or_else(|| "declined".to_owned()) })
        }
        (504, _) => Err(GatewayError::Timeout),
        (_, _) => Err(GatewayError::Unavailable),
    }
}

fn refunded(status: StatusCode, answer: Answer) -> Result<Refund, GatewayError> {
    match (status.as_u16(), answer.status.as_deref(), answer.id) {
        (200..=299, Some("nothing_held"), _) => Ok(Refund::NothingHeld),
        (200..=299, _, Some(reference)) => Ok(Refund::Refunded { reference }),
        (504, _, _) => Err(GatewayError::Timeout),
        (_, _, _) => Err(GatewayError::Unavailable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stand_ins::{GatewayManners, GatewayServer};

    const KEY: Uuid = Uuid::from_u128(21);

    fn request(token: &str) -> ChargeRequest {
        let amount = "19.90".parse().expect("an amount");
        ChargeRequest { key: KEY, amount, token: Some(token.to_owned()), attempt: 1 }
    }

    async fn gateway(manners: GatewayManners) -> (GatewayServer, HttpGateway) {
        let server = GatewayServer::start("secret", 1).await;
        server.set_manners(manners);
        let gateway = HttpGateway::new(server.base(), "secret", "usd", Duration::from_millis(300)).expect("an address");
        (server, gateway)
    }

    #[tokio::test]
    async fn a_key_is_charged_once_and_given_back_once() {
        let (server, gateway) = gateway(GatewayManners::default()).await;
        let first = gateway.charge(&request("tok_visa")).await.expect("answers");
        assert_eq!(gateway.charge(&request("tok_visa")).await.as_ref(), Ok(&first));
        let refund = gateway.refund(KEY, None).await.expect("answers");
        assert!(matches!(refund, Refund::Refunded { .. }));
        assert_eq!(gateway.refund(KEY, None).await, Ok(refund));
        let holding = server.holdings().remove(&KEY).expect("known");
        assert_eq!((holding.charges, holding.refunds, holding.cents), (1, 1, 1_990));
        assert_eq!(holding.held(), 0);
    }

    #[tokio::test]
    async fn a_decline_is_an_answer_and_a_closed_key_declines() {
        let (_server, gateway) = gateway(GatewayManners::default()).await;
        let declined = gateway.charge(&request("tok_declined")).await;
        assert_eq!(declined, Ok(Charge::Declined { code: "insufficient_funds".to_owned() }));
        let other = ChargeRequest { key: Uuid::from_u128(22), ..request("tok_visa") };
        assert_eq!(gateway.refund(other.key, None).await, Ok(Refund::NothingHeld));
        assert_eq!(gateway.charge(&other).await, Ok(Charge::Declined { code: "voided".to_owned() }));
    }

    #[tokio::test]
    async fn money_taken_without_an_answer_is_found_by_the_refund() {
        let lost = GatewayManners { lost_answers: 1.0, ..GatewayManners::default() };
        let (server, gateway) = gateway(lost).await;
        assert_eq!(gateway.charge(&request("tok_visa")).await, Err(GatewayError::Timeout));
        server.set_manners(GatewayManners::default());
        assert!(matches!(gateway.refund(KEY, None).await, Ok(Refund::Refunded { .. })));
    }

    #[tokio::test]
    async fn a_pending_charge_takes_nothing_once_it_is_given_up() {
        let (server, gateway) = gateway(GatewayManners::default()).await;
        let reference = format!("ch_{}", KEY.simple());
        assert_eq!(gateway.charge(&request("tok_pending")).await, Ok(Charge::Pending { reference }));
        assert_eq!(gateway.refund(KEY, None).await, Ok(Refund::NothingHeld));
        assert_eq!(server.decide(KEY, true), None);
        assert_eq!(server.holdings().remove(&KEY).expect("known").held(), 0);
    }

    #[tokio::test]
    async fn errors_and_a_wrong_key_of_ours_decide_nothing() {
        let (server, gateway) = gateway(GatewayManners { errors: 1.0, ..GatewayManners::default() }).await;
        assert!(gateway.charge(&request("tok_visa")).await.is_err());
        let stranger = HttpGateway::new(server.base(), "wrong", "usd", Duration::from_secs(1)).expect("an address");
        server.set_manners(GatewayManners::default());
        assert_eq!(stranger.charge(&request("tok_visa")).await, Err(GatewayError::Unavailable));
        assert!(server.holdings().is_empty());
    }
}
