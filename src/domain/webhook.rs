//! Outbound webhooks: which events an endpoint wants, and how endpoint and delivery stand. Used by the store, the HTTP API, the
//! analytics-service, which fans events out, and the webhook-service, which delivers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{CustomerId, stable_uuid};

/// Most patterns of one endpoint.
pub const MAX_PATTERNS: usize = 50;
/// Type of the event that only tests an endpoint.
pub const PING: &str = "webhook.ping";
/// Type of the event that tells that an endpoint was disabled.
pub const DISABLED: &str = "webhook.disabled";

/// The id of the delivery of one event to one endpoint: the same however often it is asked for.
pub fn delivery_id(event: Uuid, endpoint: Uuid) -> Uuid {
    stable_uuid(&[event.as_bytes().as_slice(), endpoint.as_bytes()].concat())
}

/// Which events are meant: `order.confirmed` one type, `order.*` all that begin with `order.`, `*` all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventPattern(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a type of event as in order.confirmed, or all that begin so as in order.*, or * for all")]
pub struct InvalidPattern;

impl EventPattern {
    /// Longest pattern in characters; the longest type of the fleet's own has 16.
    pub const MAX: usize = 64;

    /// # Errors
    /// When the text has another form.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidPattern> {
        let text = text.into();
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let named = text.strip_suffix(".*").unwrap_or(&text);
        match text == "*" || (text.len() <= Self::MAX && named.split('.').all(is_word)) {
            true => Ok(Self(text)),
            false => Err(InvalidPattern),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What every type that is meant begins with; `None` when exactly one type is meant.
    pub fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix('*')
    }

    pub fn matches(&self, event_type: &str) -> bool {
        self.prefix().map_or(self.0 == event_type, |prefix| event_type.starts_with(prefix))
    }
}

impl TryFrom<String> for EventPattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        Self::parse(text)
    }
}

impl From<EventPattern> for String {
    fn from(pattern: EventPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which events an endpoint is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    pub event_types: Vec<EventPattern>,
    /// Only events about this customer.
    pub customer_id: Option<CustomerId>,
}

impl Interest {
    /// `customer` is asked only where it matters.
    pub fn covers<'a>(&self, event_type: &str, customer: impl FnOnce() -> Option<&'a str>) -> bool {
        self.event_types.iter().any(|pattern| pattern.matches(event_type))
            && self.customer_id.as_ref().is_none_or(|wanted| customer() == Some(wanted.as_str()))
    }
}

macro_rules! states {
    ($(#[$doc:meta])* $name:ident, $error:literal { $($(#[$state:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$state])* $variant,)+
        }

        impl $name {
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownState;

            fn from_str(text: &str) -> Result<Self, UnknownState> {
                Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownState($error))
            }
        }
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct UnknownState(&'static str);

states! {
    /// Whether an endpoint is told of new events.
    EndpointState, "enabled, paused or disabled" {
        /// It is.
        Enabled = "enabled",
        /// A person has stopped it.
        Paused = "paused",
        /// The fleet has stopped it, because nothing but failures came back.
        Disabled = "disabled",
    }
}

states! {
    /// How the delivery of one event to one endpoint stands.
    DeliveryState, "pending, delivered, failed or held" {
        /// On its way, or waiting for its next attempt.
        Pending = "pending",
        /// The endpoint has answered with success.
        Delivered = "delivered",
        /// Given up after the last attempt; its message is a dead letter.
        Failed = "failed",
        /// Not sent because the endpoint was paused or disabled meanwhile; a resend sends it.
        Held = "held",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> EventPattern {
        EventPattern::parse(text).expect(text)
    }

    #[test]
    fn a_pattern_means_one_type_or_all_that_begin_so() {
        for (text, event_type, meant) in [
            ("order.confirmed", "order.confirmed", true),
            ("order.confirmed", "order.confirmed.late", false),
            ("order.*", "order.confirmed", true),
            ("order.*", "order.confirmed.late", true),
            ("order.*", "order", false),
            ("order.*", "orders.confirmed", false),
            ("*", "stock.low", true),
        ] {
            assert_eq!(pattern(text).matches(event_type), meant, "{text} {event_type}");
        }
    }

    #[test]
    fn what_would_never_match_is_refused() {
        let long = "x".repeat(EventPattern::MAX + 1);
        for bad in [
            "",
            ".",
            "order.",
            ".order",
            "order..x",
            "*.confirmed",
            "order.*.x",
            "or*",
            "Order.*",
            "order.#",
            "**",
            "order %",
            &long,
        ] {
            assert_eq!(EventPattern::parse(bad), Err(InvalidPattern), "{bad}");
        }
    }

    #[test]
    fn the_customer_is_only_asked_for_where_it_matters() {
        let mut interest = Interest { event_types: vec![pattern("order.*"), pattern("stock.low")], customer_id: None };
        assert!(interest.covers("stock.low", || panic!("nobody cares")));
        interest.customer_id = Some(CustomerId::parse("c-1").expect("valid"));
        assert!(!interest.covers("payment.taken", || panic!("not of interest anyway")));
        assert!(interest.covers("order.created", || Some("c-1")));
        assert!(!interest.covers("order.created", || Some("c-2")));
        assert!(!interest.covers("stock.low", || None));
    }

    #[test]
    fn states_are_read_back() {
        assert!(EndpointState::ALL.into_iter().all(|state| state.as_str().parse() == Ok(state)));
        assert!(DeliveryState::ALL.into_iter().all(|state| state.as_str().parse() == Ok(state)));
        assert_eq!(
            "off".parse::<EndpointState>().expect_err("unknown").to_string(),
            "must be enabled, paused or disabled"
        );
    }
}
