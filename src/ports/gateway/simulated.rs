//! The payment gateway of development, tests and demonstrations. Called by the payment-service.
//!
//! Test tokens in the order: `tok_visa` is taken, `tok_declined` is declined (`insufficient_funds`), `tok_timeout` never answers
//! in time and takes nothing, `tok_error_once` and `tok_error_twice` fail in their first one or two attempts, `tok_error_always`
//! in all, `tok_slow` is taken after 5 s. Any other token is left to the configured rates.
//!
//! Four are answered with "pending" and decided later, by a webhook if there is a [`ResultSender`]: `tok_pending` succeeds,
//! `tok_pending_declined` fails, `tok_pending_silent` is never told, `tok_pending_late` succeeds 5 s later even if it was given up.
//!
//! **After a restart** decisions are the same, since they are drawn from seed, key and attempt: the message's, or one more than this process
//! has failed the key, whichever is more. The memory of what is held is
//! gone, and with it all money this simulation ever held, so a refund of an unknown key is answered from the caller's record:
//! with the reference of the charge it is refunded (saying "nothing held" would keep the customer's money), without one nothing
//! is held and the key is voided. The same holds for a second process and for keys that the bounded memory has forgotten.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::draw::{Behaviour, Later, Outcome, SLOW};
use super::ledger::{Entry, Ledger};
use super::{Charge, ChargeRequest, GatewayError, PaymentGateway, Refund, ResultSender};
use crate::contract::payment_webhook::PaymentResult;
use crate::domain::OrderId;
use crate::domain::payment::LateResult;

/// Keys remembered: some ten megabytes.
const MOST_KEYS: usize = 100_000;

#[derive(Debug)]
pub struct SimulatedGateway {
    behaviour: Behaviour,
    house: Arc<House>,
    results: Option<ResultSender>,
}

/// What outlives one call: pending charges are decided after their answer.
#[derive(Debug)]
struct House {
    ledger: Mutex<Ledger<Entry>>,
    /// Errors in answer to charges.
    failures: Mutex<Ledger<u32>>,
    charges: AtomicU64,
    declines: AtomicU64,
    errors: AtomicU64,
    refunds: AtomicU64,
}

/// What this process has done since its start; repeats of a key count once among charges and refunds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub charges: u64,
    pub declines: u64,
    pub errors: u64,
    pub refunds: u64,
}

impl SimulatedGateway {
    pub fn new(behaviour: Behaviour) -> Self {
        let house = House {
            ledger: Mutex::new(Ledger::new(MOST_KEYS)),
            failures: Mutex::new(Ledger::new(MOST_KEYS)),
            charges: AtomicU64::new(0),
            declines: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            refunds: AtomicU64::new(0),
        };
        Self { behaviour, house: Arc::new(house), results: None }
    }

    /// Tells the results of pending charges.
    #[must_use]
    pub fn telling(self, results: ResultSender) -> Self {
        Self { results: Some(results), ..self }
    }

    pub fn totals(&self) -> Totals {
        Totals {
            charges: self.house.charges.load(Ordering::Relaxed),
            declines: self.house.declines.load(Ordering::Relaxed),
            errors: self.house.errors.load(Ordering::Relaxed),
            refunds: self.house.refunds.load(Ordering::Relaxed),
        }
    }

    /// Takes the money of an open charge now, for whoever plays the gateway; returns what is to be told. `None`: it is not open (any
    /// more).
    pub fn succeed(&self, key: Uuid) -> Option<PaymentResult> {
        let (result, code) = self.house.settle(key, Later::Succeeds)?;
        Some(told(key, result, code))
    }

    fn failed(&self, key: Uuid, error: GatewayError) -> Result<Charge, GatewayError> {
        let mut failures = self.house.failures();
        let before = failures.get(key).unwrap_or(0);
        failures.set(key, before.saturating_add(1));
        self.house.errors.fetch_add(1, Ordering::Relaxed);
        Err(error)
    }

    /// Leaves the charge open, once per key; it is decided after the sender's delay.
    fn begin(&self, key: Uuid, later: Later) -> Charge {
        let mut ledger = self.house.ledger();
        match ledger.get(key) {
            Some(Entry::Held) => return Charge::Taken { reference: charge_reference(key) },
            Some(Entry::Refunded | Entry::Voided) => return self.house.voided(),
            Some(Entry::Open) => {}
            None => {
                ledger.set(key, Entry::Open);
                if let Some(results) = self.results.clone() {
                    tokio::spawn(Arc::clone(&self.house).decide(key, later, results));
                }
            }
        }
        Charge::Pending { reference: charge_reference(key) }
    }
}

impl House {
    fn failures(&self) -> MutexGuard<'_, Ledger<u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger<Entry>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the money once per key; a key that was given back stays closed.
    fn take(&self, key: Uuid) -> Charge {
        let mut ledger = self.ledger();
        match ledger.get(key) {
            Some(Entry::Held) => {}
            Some(Entry::Refunded | Entry::Voided) => return self.voided(),
            Some(Entry::Open) | None => {
                ledger.set(key, Entry::Held);
                self.charges.fetch_add(1, Ordering::Relaxed);
            }
        }
        Charge::Taken { reference: charge_reference(key) }
    }

    fn voided(&self) -> Charge {
        self.declines.fetch_add(1, Ordering::Relaxed);
        Charge::Declined { code: "voided".to_owned() }
    }

    /// Closes what is open, or opens what was voided, as the kind of charge has it. `None`: there is nothing to tell.
    fn settle(&self, key: Uuid, later: Later) -> Option<(LateResult, Option<&'static str>)> {
        let mut ledger = self.ledger();
        let entry = ledger.get(key);
        match (later, entry) {
            (Later::Succeeds, Some(Entry::Open))
            | (Later::SucceedsAnyway, Some(Entry::Open | Entry::Voided) | None) => {
                ledger.set(key, Entry::Held);
                self.charges.fetch_add(1, Ordering::Relaxed);
                Some((LateResult::Succeeded, None))
            }
            (Later::Fails(code), Some(Entry::Open)) => {
                ledger.set(key, Entry::Voided);
                self.declines.fetch_add(1, Ordering::Relaxed);
                Some((LateResult::Failed, Some(code)))
            }
            (Later::Silent | Later::Succeeds | Later::Fails(_) | Later::SucceedsAnyway, _) => None,
        }
    }

    async fn decide(self: Arc<Self>, key: Uuid, later: Later, results: ResultSender) {
        results.pause().await;
        if later == Later::SucceedsAnyway {
            tokio::time::sleep(SLOW).await;
        }
        if let Some((result, code)) = self.settle(key, later) {
            results.tell(result, told(key, result, code)).await;
        }
    }
}

impl PaymentGateway for SimulatedGateway {
    async fn charge(&self, request: &ChargeRequest) -> Result<Charge, GatewayError> {
        // a message that the breaker holds back keeps its attempt: without our own count it would draw the same error for ever
        let failed = self.house.failures().get(request.key).unwrap_or(0);
        let (outcome, latency) = self.behaviour.charge(request, request.attempt.max(failed.saturating_add(1)));
        tokio::time::sleep(latency).await;
        match outcome {
            Outcome::Taken => Ok(self.house.take(request.key)),
            Outcome::TakenUnanswered => {
                self.house.take(request.key);
                self.failed(request.key, GatewayError::Timeout)
            }
            Outcome::Declined(code) => {
                self.house.declines.fetch_add(1, Ordering::Relaxed);
                Ok(Charge::Declined { code: code.to_owned() })
            }
            Outcome::Unavailable => self.failed(request.key, GatewayError::Unavailable),
            Outcome::Timeout => self.failed(request.key, GatewayError::Timeout),
            Outcome::Pending(later) => Ok(self.begin(request.key, later)),
        }
    }

    /// Never fails: a refund has no attempt number, so a drawn error would be drawn for ever.
    async fn refund(&self, key: Uuid, charged: Option<&str>) -> Result<Refund, GatewayError> {
        tokio::time::sleep(self.behaviour.latency(key, 0)).await;
        let mut ledger = self.house.ledger();
        let held = match ledger.get(key) {
            Some(Entry::Refunded) => return Ok(Refund::Refunded { reference: refund_reference(key) }),
            Some(Entry::Held) => true,
            Some(Entry::Open | Entry::Voided) => false,
            None => charged == Some(charge_reference(key).as_str()),
        };
        if !held {
            ledger.set(key, Entry::Voided);
            return Ok(Refund::NothingHeld);
        }
        ledger.set(key, Entry::Refunded);
        self.house.refunds.fetch_add(1, Ordering::Relaxed);
        Ok(Refund::Refunded { reference: refund_reference(key) })
    }
}

fn told(key: Uuid, result: LateResult, code: Option<&str>) -> PaymentResult {
    PaymentResult {
        order_id: OrderId(key),
        reference: (result == LateResult::Succeeded).then(|| charge_reference(key)),
        code: code.map(str::to_owned),
    }
}

/// Follows from the key, so that every process gives and knows the same reference.
fn charge_reference(key: Uuid) -> String {
    format!("sim_charge_{}", key.simple())
}

fn refund_reference(key: Uuid) -> String {
    format!("sim_refund_{}", key.simple())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::Money;

    const KEY: Uuid = Uuid::from_u128(11);

    fn request(token: &str, attempt: u32) -> ChargeRequest {
        ChargeRequest { key: KEY, amount: Money::ZERO, token: Some(token.to_owned()), attempt }
    }

    fn gateway() -> SimulatedGateway {
        SimulatedGateway::new(Behaviour::default())
    }

    #[tokio::test]
    async fn a_key_is_charged_once_and_refunded_once_however_often_it_is_asked() {
        let gateway = gateway();
        let first = gateway.charge(&request("tok_visa", 1)).await;
        assert_eq!(first, gateway.charge(&request("tok_visa", 2)).await);
        let refund = gateway.refund(KEY, None).await;
        assert_eq!(refund, Ok(Refund::Refunded { reference: refund_reference(KEY) }));
        assert_eq!(gateway.refund(KEY, None).await, refund);
        assert_eq!(gateway.totals(), Totals { charges: 1, refunds: 1, ..Totals::default() });
    }

    #[tokio::test]
    async fn after_a_restart_a_recorded_charge_is_refunded_and_an_unknown_key_holds_nothing() {
        let Ok(Charge::Taken { reference }) = gateway().charge(&request("tok_visa", 1)).await else { panic!("taken") };
        assert_eq!(gateway().refund(KEY, None).await, Ok(Refund::NothingHeld));
        assert_eq!(gateway().refund(KEY, Some("of another gateway")).await, Ok(Refund::NothingHeld));
        let refund = gateway().refund(KEY, Some(&reference)).await;
        assert_eq!(refund, Ok(Refund::Refunded { reference: refund_reference(KEY) }));
        assert_eq!(gateway().charge(&request("tok_visa", 5)).await, Ok(Charge::Taken { reference }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_charge_that_is_overtaken_by_its_refund_takes_nothing() {
        let gateway = gateway();
        let slow = request("tok_slow", 1);
        let (charge, refund) = tokio::join!(gateway.charge(&slow), gateway.refund(KEY, None));
        assert_eq!(refund, Ok(Refund::NothingHeld));
        assert_eq!(charge, Ok(Charge::Declined { code: "voided".to_owned() }));
        assert_eq!(gateway.totals().charges, 0);
    }

    #[tokio::test]
    async fn who_keeps_asking_in_the_same_attempt_is_answered_in_the_end() {
        let behaviour = Behaviour { error_rate: "0.5".parse().expect("a rate"), ..Behaviour::default() };
        let gateway = SimulatedGateway::new(behaviour);
        for key in (0..50).map(Uuid::from_u128) {
            let request = ChargeRequest { key, token: None, ..request("", 1) };
            let mut calls = 1;
            while gateway.charge(&request).await.is_err() {
                calls += 1;
                assert!(calls < 50, "{key}");
            }
        }
    }

    #[tokio::test]
    async fn money_taken_without_an_answer_is_found_by_the_refund() {
        let behaviour = Behaviour { error_rate: "1".parse().expect("a rate"), ..Behaviour::default() };
        let gateway = SimulatedGateway::new(behaviour);
        let (mut unanswered, mut refunded) = (0, 0);
        for key in (0..50).map(Uuid::from_u128) {
            let request = ChargeRequest { key, token: None, ..request("", 1) };
            let error = gateway.charge(&request).await.expect_err("all fail");
            unanswered += usize::from(error == GatewayError::Timeout);
            let refund = gateway.refund(key, None).await.expect("answers");
            refunded += usize::from(refund != Refund::NothingHeld);
        }
        assert!(unanswered > 10, "{unanswered}");
        assert_eq!(unanswered, refunded);
    }

    #[tokio::test]
    async fn a_pending_charge_holds_nothing_and_is_closed_by_its_refund() {
        let gateway = gateway();
        let first = gateway.charge(&request("tok_pending", 1)).await;
        assert_eq!(first, Ok(Charge::Pending { reference: charge_reference(KEY) }));
        assert_eq!(gateway.charge(&request("tok_pending", 2)).await, first);
        assert_eq!(gateway.refund(KEY, None).await, Ok(Refund::NothingHeld));
        assert_eq!(gateway.house.settle(KEY, Later::Succeeds), None);
        assert_eq!(gateway.totals().charges, 0);
        assert_eq!(gateway.house.settle(KEY, Later::SucceedsAnyway), Some((LateResult::Succeeded, None)));
        assert!(matches!(gateway.refund(KEY, None).await, Ok(Refund::Refunded { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn the_slow_token_takes_five_seconds() {
        let started = tokio::time::Instant::now();
        assert!(matches!(gateway().charge(&request("tok_slow", 1)).await, Ok(Charge::Taken { .. })));
        assert_eq!(started.elapsed(), Duration::from_secs(5));
    }
}
