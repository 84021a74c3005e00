//! `order-api token`: a token for development and for the first admin, signed with the secret that the API checks with.

use std::process::ExitCode;

use clap::Args;
use time::OffsetDateTime;

use super::say;
use crate::access::{Grant, Role, mint};
use crate::config::TokenArgs;
use crate::domain::CustomerId;

/// Shortest and longest life of a token in seconds.
const LIFETIME: std::ops::RangeInclusive<u64> = 1..=366 * 86_400;

/// Mint a token for development, signed with JWT_SECRET.
#[derive(Args)]
#[command(after_help = "Examples:
  order-api token --role operator --subject anna
  order-api token --role customer --subject eve@shop.example --customer c-17 --ttl 1h
  export ORDERS_TOKEN=$(order-api token --role admin --subject root)")]
pub struct TokenVerb {
    /// customer, operator or admin.
    #[arg(long)]
    role: Role,
    /// Whom the token names (sub).
    #[arg(long)]
    subject: String,
    /// Whose orders are a customer's own, where that is not the subject.
    #[arg(long, value_name = "ID", value_parser = |text: &str| CustomerId::parse(text))]
    customer: Option<CustomerId>,
    /// How long it is valid: 90s, 30m, 8h or 7d.
    #[arg(long, value_name = "TIME", default_value = "8h", value_parser = lifetime)]
    ttl: u64,
    #[command(flatten)]
    tokens: TokenArgs,
}

impl TokenVerb {
    /// Prints the token; exit code 2 when it would not be accepted.
    pub fn run(self) -> ExitCode {
        match self.token() {
            Ok(token) => say(&token),
            Err(error) => {
                eprintln!("order-api: {error}");
                ExitCode::from(2)
            }
        }
    }

    fn token(&self) -> anyhow::Result<String> {
        self.tokens.secret()?;
        let secret = self.tokens.jwt_secret.as_deref().map(str::trim).filter(|secret| !secret.is_empty());
        let secret =
            secret.ok_or_else(|| anyhow::anyhow!("JWT_SECRET is not set: the API would not accept the token"))?;
        if self.customer.is_some() && self.role != Role::Customer {
            anyhow::bail!("--customer goes with --role customer");
        }
        let grant = Grant {
            subject: self.subject.clone(),
            role: self.role,
            customer_id: self.customer.clone(),
            issued_at: u64::try_from(OffsetDateTime::now_utc().unix_timestamp())?,
            lifetime_seconds: self.ttl,
        };
        Ok(mint(secret, &grant, &self.tokens.rules())?)
    }
}

/// Seconds.
pub(super) fn lifetime(text: &str) -> Result<u64, &'static str> {
    const WRONG: &str = "must be a time of up to 366 days, as in 90s, 30m, 8h or 7d";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(WRONG),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| LIFETIME.contains(seconds)).ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use super::lifetime;

    #[test]
    fn lifetimes_are_numbers_with_a_unit() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("8h", 28_800), ("366d", 31_622_400)] {
            assert_eq!(lifetime(text), Ok(seconds));
        }
        for wrong in ["", "0s", "8", "h", "-1h", "367d", "1w", "99999999999999999999d"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }
}
