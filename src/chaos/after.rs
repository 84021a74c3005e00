//! What becomes of some orders after they were placed: customers cancel, at once or later; the warehouse ships and delivers. Each
//! asks until it has an answer, and "the order does not allow that" is one. Called by [`super::load`].

use std::time::Duration;

use fastrand::Rng;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::load::{AGAIN, ANSWER, Load, PATIENCE};

/// Per cent of the orders that are cancelled at once; after a while; shipped; and of these, also delivered.
const CANCELLED_AT_ONCE: u8 = 4;
const CANCELLED_LATER: u8 = 5;
const SHIPPED: u8 = 10;
const DELIVERED: u8 = 50;
/// Long enough for an undisturbed order to be confirmed, so that every stage is met.
const LATER: u64 = 2_000;
/// Every second request is sent twice: the second must be harmless.
const TWICE: u8 = 50;

#[derive(Clone, Copy, Debug)]
pub enum After {
    Cancel { pause: Duration },
    Ship { deliver: bool },
}

/// How a request ended.
enum Ended {
    Done,
    /// The order's state does not allow it.
    NotAllowed,
    GivenUp,
}

impl After {
    pub fn draw(random: &mut Rng) -> Option<Self> {
        let (at_once, later) = (CANCELLED_AT_ONCE, CANCELLED_AT_ONCE + CANCELLED_LATER);
        let deliver = random.u8(..100) < DELIVERED;
        let pause = Duration::from_millis(random.u64(..LATER));
        match random.u8(..100) {
            draw if draw < at_once => Some(Self::Cancel { pause: Duration::ZERO }),
            draw if draw < later => Some(Self::Cancel { pause }),
            draw if draw < later + SHIPPED => Some(Self::Ship { deliver }),
            _ => None,
        }
    }
}

impl Load {
    pub(super) async fn go_on(&self, id: Uuid, after: After) {
        match after {
            After::Cancel { pause } => {
                sleep(pause).await;
                self.request(id, "cancel", &json!({"reason": "chaos"})).await;
            }
            After::Ship { deliver } => {
                if !self.is_confirmed(id).await {
                    return;
                }
                let shipment = json!({"carrier": "Chaos Express", "tracking_number": format!("CE-{}", id.simple())});
                let shipped = self.request(id, "ship", &shipment).await;
                if deliver
                    && matches!(shipped, Ended::Done)
                    && matches!(self.request(id, "deliver", &json!({})).await, Ended::NotAllowed)
                {
                    self.book.problem(format!("order {id} was shipped and could not be delivered"));
                }
            }
        }
    }

    /// Asks, once or twice; both answers must agree.
    async fn request(&self, id: Uuid, verb: &str, body: &Value) -> Ended {
        let first = self.ask_for(id, verb, body).await;
        if fastrand::u8(..100) < TWICE
            && matches!(first, Ended::Done)
            && matches!(self.ask_for(id, verb, body).await, Ended::NotAllowed)
        {
            self.book.problem(format!("order {id}: {verb} was granted and then refused"));
        }
        first
    }

    async fn ask_for(&self, id: Uuid, verb: &str, body: &Value) -> Ended {
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            let url = format!("{}/api/v1/orders/{id}/{verb}", self.api());
            let answer = self.http.post(url).json(body).timeout(ANSWER).send().await;
            match answer.map(|answer| answer.status()) {
                Ok(status @ (StatusCode::OK | StatusCode::ACCEPTED)) => {
                    self.book.answered(format!("{verb} {}", status.as_u16()));
                    return Ended::Done;
                }
                Ok(StatusCode::CONFLICT) => {
                    self.book.answered(format!("{verb} 409"));
                    return Ended::NotAllowed;
                }
                // over AMQP, the order-processor has not seen it yet
                Ok(StatusCode::NOT_FOUND) => {}
                Ok(status) if status.is_server_error() => {}
                Ok(status) => {
                    self.book.problem(format!("{verb} of order {id} was answered by {status}"));
                    return Ended::GivenUp;
                }
                Err(_) => {}
            }
            sleep(AGAIN).await;
        }
        self.book.problem(format!("{verb} of order {id} had no answer within {} s", PATIENCE.as_secs()));
        Ended::GivenUp
    }

    /// Waits until the order is confirmed; not when it ends otherwise.
    async fn is_confirmed(&self, id: Uuid) -> bool {
        let give_up = Instant::now() + PATIENCE;
        while Instant::now() < give_up {
            let url = format!("{}/api/v1/orders/{id}", self.api());
            let answer = self.http.get(url).timeout(ANSWER).send().await;
            if let Ok(answer) = answer
                && let Ok(order) = answer.json::<Value>().await
            {
                match order["status"].as_str() {
                    Some("confirmed") => return true,
                    Some("failed" | "cancelled") => return false,
                    Some(_) | None => {}
                }
            }
            sleep(AGAIN).await;
        }
        false
    }

    fn api(&self) -> &str {
        let place = fastrand::usize(..self.apis.len());
        &self.apis[place]
    }
}
