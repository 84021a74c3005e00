//! The scenarios: what differs between them. Played by [`super::play`].

use clap::ValueEnum;

use super::args::BenchArgs;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Scenario {
    /// Every order is confirmed; at saturation, then at half of it.
    Happy,
    /// All orders want one product.
    HotSku,
    /// Each payment takes 2 to 5 seconds.
    SlowPayment,
    /// 30 % of the payment attempts fail.
    PaymentErrors,
    /// Orders wait before any worker runs, then are drained.
    Backlog,
    /// Dead letters are replayed.
    Replay,
    /// `orders submit --jsonl`.
    Bulk,
    /// Every order is confirmed, while there are many in the tables already.
    Growth,
}

/// Products of the usual scenarios: a small shop.
const PRODUCTS: u32 = 50;

impl Scenario {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Happy => "happy",
            Self::HotSku => "hot-sku",
            Self::SlowPayment => "slow-payment",
            Self::PaymentErrors => "payment-errors",
            Self::Backlog => "backlog",
            Self::Replay => "replay",
            Self::Bulk => "bulk",
            Self::Growth => "growth",
        }
    }

    pub fn orders(self, args: &BenchArgs) -> u64 {
        match self {
            Self::Happy | Self::HotSku | Self::Bulk | Self::Growth => args.orders,
            Self::SlowPayment | Self::PaymentErrors => args.slow_orders,
            Self::Backlog => args.backlog,
            Self::Replay => args.dead_letters,
        }
    }

    pub fn products(self) -> u32 {
        match self {
            Self::HotSku => 1,
            Self::Happy
            | Self::SlowPayment
            | Self::PaymentErrors
            | Self::Backlog
            | Self::Replay
            | Self::Bulk
            | Self::Growth => PRODUCTS,
        }
    }

    /// Settings of the simulated gateway, and what belongs to them: an order whose payment has failed in every attempt must end.
    pub fn environment(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Happy | Self::HotSku | Self::Backlog | Self::Replay | Self::Bulk | Self::Growth => &[],
            Self::SlowPayment => &[("GATEWAY_LATENCY", "2000..5000")],
            Self::PaymentErrors => &[("GATEWAY_ERROR_RATE", "0.3"), ("PAYMENT_DEADLINE_SECONDS", "45")],
        }
    }
}
