//! What customers read about their order. Pure: one transition in, plain words out.

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::contract::tracking::Transition;
use crate::domain::OrderStatus;

/// The stations of an order that goes well, in their order.
pub(super) const STATIONS: [&str; 5] = ["Placed", "Reserved", "Confirmed", "Shipped", "Delivered"];

/// What is left of an order that has ended before its last station.
const NOTHING: &str = "Nothing will be delivered, and no money is kept.";

/// How the page is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = TrackedTone)]
pub(super) enum Tone {
    Working,
    Good,
    Bad,
}

impl Tone {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

/// Where the order stands after a transition: the top of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TrackedStage)]
pub(super) struct Stage {
    pub headline: &'static str,
    pub sentence: String,
    pub tone: Tone,
    /// The last station reached; absent while something is undone, which takes no station back.
    pub reached: Option<usize>,
    /// The order ends here, and not at the last station.
    pub ended: Option<&'static str>,
    /// Carrier and number, where this tells them.
    pub parcel: Option<String>,
}

/// One line of the page's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TrackedLine)]
pub(super) struct Line {
    pub id: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub title: &'static str,
    pub text: String,
}

impl Stage {
    pub fn of(transition: &Transition) -> Self {
        let stage = |headline, sentence: &str, tone, reached| Self {
            headline,
            sentence: sentence.to_owned(),
            tone,
            reached: Some(reached),
            ended: None,
            parcel: None,
        };
        let undoing = |headline, sentence: &str| Self { reached: None, ..stage(headline, sentence, Tone::Bad, 0) };
        match transition.status {
            OrderStatus::Pending => {
                stage("We have your order", "We are checking that everything is in stock.", Tone::Working, 0)
            }
            OrderStatus::Processing => match transition.step.as_deref() {
                Some("taking_payment") => stage(
                    "Your items are reserved",
                    "They are set aside for you while the payment goes through.",
                    Tone::Working,
                    1,
                ),
                Some("cancelling_payment" | "releasing_stock" | "refunding_payment" | "returning_stock") => {
                    let headline = match transition.event.as_str() {
                        "cancel_requested" => "We are cancelling your order",
                        _ => "We are undoing your order",
                    };
                    undoing(headline, "Whatever was taken is given back.")
                }
                Some(_) | None => {
                    stage("We are reserving your items", "This usually takes a moment.", Tone::Working, 0)
                }
            },
            OrderStatus::Confirmed => stage(
                "Your order is confirmed",
                "Everything is paid and set aside. We are getting it ready.",
                Tone::Good,
                2,
            ),
            OrderStatus::Shipped => Self {
                parcel: parcel(transition).map(str::to_owned),
                ..stage("Your order is on its way", "It has left our warehouse.", Tone::Good, 3)
            },
            OrderStatus::Delivered => stage("Your order has arrived", "Enjoy it!", Tone::Good, 4),
            OrderStatus::Failed => Self {
                sentence: format!("{}{NOTHING}", reason(transition)),
                ended: Some("Not completed"),
                ..undoing("We are sorry, your order could not be completed", "")
            },
            OrderStatus::Cancelled => Self { ended: Some("Cancelled"), ..undoing("Your order is cancelled", NOTHING) },
        }
    }
}

impl Line {
    pub fn of(transition: &Transition) -> Self {
        let (title, text) = told(transition);
        Self { id: transition.id, at: transition.at, title, text }
    }
}

fn told(transition: &Transition) -> (&'static str, String) {
    let plain = |title, text: &str| (title, text.to_owned());
    match transition.event.as_str() {
        "accepted" => plain("Order placed", "We have received it."),
        "submitted" => plain("In progress", "We are setting your items aside."),
        "stock_reserved" => plain("Items reserved", "Everything is in stock. We are taking the payment."),
        "payment_taken" => plain("Order confirmed", "The payment went through."),
        "payment_declined" => ("Payment declined", reason(transition)),
        "stock_rejected" => ("Not enough in stock", reason(transition)),
        "payment_cancelled" => plain("Payment cancelled", "Nothing was taken."),
        "refund_requested" => plain("Refund under way", ""),
        "payment_refunded" => plain("Money given back", "It may take some days to arrive."),
        "shipped" => ("Shipped", parcel(transition).map(|parcel| format!("With {parcel}.")).unwrap_or_default()),
        "deadline_passed" => match Stage::of(transition).reached {
            Some(_) => plain("Taking longer than usual", "We are looking after it."),
            None => ("No answer in time", reason(transition)),
        },
        // why is written by whoever asks for it, and not for this page
        "cancel_requested" => plain("Cancellation requested", ""),
        _ => match transition.status {
            OrderStatus::Pending => plain("Order placed", ""),
            OrderStatus::Processing => plain("In progress", ""),
            OrderStatus::Confirmed => plain("Order confirmed", ""),
            OrderStatus::Shipped => plain("Shipped", "Your order has left our warehouse."),
            OrderStatus::Delivered => plain("Delivered", ""),
            OrderStatus::Failed => plain("Order closed", NOTHING),
            OrderStatus::Cancelled => plain("Order cancelled", ""),
        },
    }
}

/// Carrier and number: what the history says of a shipment (`intake::http::order_changes`).
fn parcel(transition: &Transition) -> Option<&str> {
    transition.detail.as_deref().filter(|_| transition.event == "shipped")
}

/// The reason as a sentence with a space behind it, or nothing.
fn reason(transition: &Transition) -> String {
    let Some(detail) = transition.detail.as_deref().filter(|detail| !detail.is_empty()) else { return String::new() };
    let mut letters = detail.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    // codes of the gateway, as in (insufficient_funds)
    let rest = match letters.as_str().split_once('(') {
        Some((sentence, code)) => format!("{sentence}({}", code.replace('_', " ")),
        None => letters.as_str().to_owned(),
    };
    format!("{first}{}. ", rest.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::OrderId;

    fn transition(event: &str, status: OrderStatus, step: Option<&str>, detail: Option<&str>) -> Transition {
        Transition {
            id: 7,
            order_id: OrderId(Uuid::nil()),
            at: OffsetDateTime::UNIX_EPOCH,
            event: event.to_owned(),
            status,
            step: step.map(str::to_owned),
            detail: detail.map(str::to_owned),
            actor: None,
            message_id: None,
            correlation_id: None,
        }
    }

    #[test]
    fn every_status_has_words_and_the_way_only_goes_forward() {
        let mut reached = Vec::new();
        for status in OrderStatus::ALL {
            let transition = transition("something_new", status, None, None);
            let (stage, line) = (Stage::of(&transition), Line::of(&transition));
            assert!(!stage.headline.is_empty() && !stage.sentence.is_empty() && !line.title.is_empty(), "{status}");
            reached.extend(stage.reached);
        }
        assert_eq!(reached, [0, 0, 2, 3, 4]);
        assert!(STATIONS.len() > 4);
    }

    #[test]
    fn a_failure_says_why_and_a_cancellation_does_not_repeat_what_somebody_wrote() {
        let failed =
            transition("stock_released", OrderStatus::Failed, None, Some("the payment was declined (stolen_card)"));
        let sentence = Stage::of(&failed).sentence;
        assert_eq!(
            sentence,
            "The payment was declined (stolen card). Nothing will be delivered, and no money is kept."
        );
        let cancelled = transition("cancelled", OrderStatus::Cancelled, None, Some("looks like fraud"));
        assert!(!format!("{:?}{:?}", Stage::of(&cancelled), Line::of(&cancelled)).contains("fraud"));
    }

    #[test]
    fn who_waits_for_a_parcel_learns_its_carrier_and_number() {
        let shipped = transition("shipped", OrderStatus::Shipped, None, Some("DHL 00340434161094042557"));
        assert_eq!(Line::of(&shipped).text, "With DHL 00340434161094042557.");
        assert_eq!(Stage::of(&shipped).parcel.as_deref(), Some("DHL 00340434161094042557"));
        let other = transition("carrier_changed", OrderStatus::Shipped, None, Some("somebody wrote this"));
        assert!(!format!("{:?}{:?}", Stage::of(&other), Line::of(&other)).contains("somebody"));
    }

    #[test]
    fn whoever_cancels_reads_of_a_cancellation() {
        let asked =
            |step| transition("cancel_requested", OrderStatus::Processing, Some(step), Some("looks like fraud"));
        for step in ["cancelling_payment", "releasing_stock", "refunding_payment", "returning_stock"] {
            let (stage, line) = (Stage::of(&asked(step)), Line::of(&asked(step)));
            assert_eq!((stage.headline, line.title), ("We are cancelling your order", "Cancellation requested"));
            assert!(!format!("{stage:?}{line:?}").contains("fraud"));
        }
    }

    #[test]
    fn what_is_undone_takes_no_station_back() {
        let undone = transition("payment_declined", OrderStatus::Processing, Some("releasing_stock"), Some("declined"));
        assert_eq!((Stage::of(&undone).reached, Line::of(&undone).text.as_str()), (None, "Declined. "));
    }
}
