//! How long the saga waits for each step.

use std::time::Duration;

use clap::Args;

use crate::domain::saga::Step;

#[derive(Args, Clone, Debug)]
pub struct SagaArgs {
    /// Seconds to wait for stock: for the reservation, its release or its return.
    #[arg(long, env = "STOCK_DEADLINE_SECONDS", default_value_t = 300, value_name = "SECONDS")]
    pub stock_deadline_seconds: u64,

    /// Seconds to wait for a payment, its cancellation or its refund. Longer than the retry ladder, or a payment that would still succeed is
    /// cancelled.
    #[arg(long, env = "PAYMENT_DEADLINE_SECONDS", default_value_t = 600, value_name = "SECONDS")]
    pub payment_deadline_seconds: u64,
}

impl SagaArgs {
    pub fn patience(&self, step: &Step) -> Duration {
        let seconds = match step {
            Step::ReservingStock | Step::ReleasingStock { .. } | Step::ReturningStock { .. } => {
                self.stock_deadline_seconds
            }
            Step::TakingPayment | Step::CancellingPayment { .. } | Step::RefundingPayment { .. } => {
                self.payment_deadline_seconds
            }
        };
        Duration::from_secs(seconds)
    }
}
