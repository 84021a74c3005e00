//! Reading a submitted order: the same reader for HTTP bodies and for messages on `orders`/`process`.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use super::fields::{FieldError, Fields, type_name};
use super::moment::read_local_moment;
use crate::domain::catalogue::{Catalogue, Refusal, Wish, price};
use crate::domain::{
    CustomerId, Email, MAX_ITEMS, MAX_QUANTITY, Money, Order, OrderId, OrderStatus, Phone, Priority, Sku,
};

/// The step from which the id of an order's first message is derived ([`OrderId::message_id`]): the same over HTTP and over AMQP.
pub const SUBMITTED: &str = "submitted";

/// Longest payment token; those of the large gateways stay below 100 characters.
const MAX_TOKEN: usize = 255;

/// Where the order came from: decides what must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The API mints id and date.
    Http,
    /// The client brings its own id.
    Amqp,
}

/// A well-formed order that the catalogue has not yet seen.
#[derive(Clone, Debug)]
pub struct OrderForm {
    pub id: Option<OrderId>,
    pub customer_id: CustomerId,
    pub email: Email,
    pub phone: Option<Phone>,
    pub wishes: Vec<Wish>,
    pub total: Option<Money>,
    /// What the customer agreed to pay for all of it; another price of today is told apart from a mistake.
    pub expected_price: Option<Money>,
    pub priority: Priority,
    pub created_at: Option<OffsetDateTime>,
    pub payment_token: Option<String>,
    pub metadata: Option<Map<String, Value>>,
    /// Fields nobody knows. Refused from strangers; tolerated in messages of a newer version of ourselves.
    pub unknown: Vec<FieldError>,
}

impl OrderForm {
    /// The order as the catalogue agrees to it, pending. A date that the client did not bring is `now`.
    ///
    /// # Errors
    /// Every field that the catalogue refuses.
    pub fn priced(&self, id: OrderId, catalogue: &Catalogue, now: OffsetDateTime) -> Result<Order, Unacceptable> {
        let (items, total) = price(catalogue, &self.wishes, self.total, self.expected_price).map_err(|refusals| {
            let moved = refusals.iter().all(Refusal::is_of_the_price);
            let faults = refusals.iter().map(field_of).collect();
            if moved { Unacceptable::PriceChanged(faults) } else { Unacceptable::Faulty(faults) }
        })?;
        Ok(Order {
            id,
            customer_id: self.customer_id.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            items,
            total,
            status: OrderStatus::Pending,
            created_at: whole_microseconds(self.created_at.unwrap_or(now)),
            priority: self.priority,
            confirmed_at: None,
            shipment: None,
            delivered_at: None,
            reason: None,
            payment_token: self.payment_token.clone(),
            metadata: self.metadata.clone(),
        })
    }
}

/// Why the catalogue does not agree to an order, with every field at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unacceptable {
    Faulty(Vec<FieldError>),
    /// Nothing is wrong but the price, which is no longer what the customer expects.
    PriceChanged(Vec<FieldError>),
}

impl Unacceptable {
    pub fn faults(&self) -> &[FieldError] {
        match self {
            Self::Faulty(faults) | Self::PriceChanged(faults) => faults,
        }
    }
}

/// What the database keeps of a time; so the first answer and every later reading show the same.
pub fn whole_microseconds(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(time.nanosecond() / 1_000 * 1_000).unwrap_or(time)
}

/// Why the bytes are not an order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the body is not UTF-8 (first bad byte at offset {0})")]
    NotUtf8(usize),
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    #[error("the body must be a JSON object, is {0}")]
    NotAnObject(&'static str),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Fields(Vec<FieldError>),
}

/// Parses bytes as a JSON object.
///
/// # Errors
/// [`Unreadable`] with the offset or the place of the first fault.
pub fn read_object(bytes: &[u8]) -> Result<Map<String, Value>, Unreadable> {
    let text = std::str::from_utf8(bytes).map_err(|error| Unreadable::NotUtf8(error.valid_up_to()))?;
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(Unreadable::NotAnObject(type_name(&other))),
        Err(error) => Err(Unreadable::NotJson(error.to_string())),
    }
}

/// Reads an order from a JSON object.
///
/// # Errors
/// [`Unreadable::Fields`] with every field at fault.
pub fn read_order(object: &Map<String, Value>, source: Source) -> Result<OrderForm, Unreadable> {
    let mut fields = Fields::new(object, "");
    let id = match source {
        Source::Amqp => fields.text("id", |text| Uuid::parse_str(text).map_err(|_| "must be a UUID")),
        Source::Http => None,
    };
    let customer_id = fields.text("customer_id", |text| CustomerId::parse(text));
    let email = fields.text("email", |text| Email::parse(text));
    let phone = fields.optional_text("phone", |text| match text {
        "" => Ok(None),
        _ => Phone::parse(text).map(Some),
    });
    let mut unknown = Vec::new();
    let wishes = read_wishes(&mut fields, &mut unknown);
    let total = fields.optional_money("total");
    let expected_price = fields.optional_money("expected_price");
    let priority = fields.optional_text("priority", str::parse::<Priority>).unwrap_or_default();
    let created_at = match source {
        Source::Amqp => fields.optional_text("created_at", read_local_moment),
        Source::Http => None,
    };
    if source == Source::Amqp {
        fields.optional_text("status", |text| match text.parse() {
            Ok(OrderStatus::Pending) => Ok(()),
            Ok(_) => Err("a submitted order must be pending".to_owned()),
            Err(error) => Err(error.to_string()),
        });
    }
    let payment_token = fields.optional_text("payment_token", |text| match text.len() {
        1..=MAX_TOKEN if text.chars().all(|c| !c.is_control()) => Ok(text.to_owned()),
        _ => Err(format!("must have 1 to {MAX_TOKEN} printable characters")),
    });
    let metadata = match fields.value("metadata") {
        Some(value) if holds_nul(value) => {
            fields.fault("metadata", "must not contain the character U+0000, which the database cannot store");
            None
        }
        Some(Value::Object(map)) => Some(map.clone()),
        Some(other) => {
            fields.fault("metadata", format_args!("must be an object, is {}", type_name(other)));
            None
        }
        None => None,
    };
    unknown.extend(fields.unknown());
    let mut errors = std::mem::take(&mut fields.errors);
    match (customer_id, email, wishes) {
        (Some(customer_id), Some(email), Some(wishes)) if errors.is_empty() => Ok(OrderForm {
            id: id.map(OrderId),
            customer_id,
            email,
            phone: phone.flatten(),
            wishes,
            total,
            expected_price,
            priority,
            created_at,
            payment_token,
            metadata,
            unknown,
        }),
        _ => {
            errors.extend(unknown);
            Err(Unreadable::Fields(errors))
        }
    }
}

fn read_wishes(fields: &mut Fields<'_>, unknown: &mut Vec<FieldError>) -> Option<Vec<Wish>> {
    let list = fields.list("items", MAX_ITEMS)?;
    let mut wishes = Vec::with_capacity(list.len());
    for (index, entry) in list.iter().enumerate() {
        let Value::Object(object) = entry else {
            fields.fault(&format!("items/{index}"), format_args!("must be an object, is {}", type_name(entry)));
            continue;
        };
        let mut line = Fields::new(object, format!("/items/{index}"));
        let sku = line.text("sku", |text| Sku::parse(text));
        let quantity = line.whole("quantity", 1, i64::from(MAX_QUANTITY));
        let price = line.optional_money("price");
        let expected_price = line.optional_money("expected_price");
        unknown.extend(line.unknown());
        fields.errors.append(&mut line.errors);
        if let (Some(sku), Some(Ok(quantity))) = (sku, quantity.map(u32::try_from)) {
            wishes.push(Wish { sku, quantity, price, expected_price });
        }
    }
    (wishes.len() == list.len()).then_some(wishes)
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(holds_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
    }
}

/// Where in the order a refusal of the catalogue belongs.
fn field_of(refusal: &Refusal) -> FieldError {
    let pointer = match refusal {
        Refusal::UnknownSku { item, .. } | Refusal::Inactive { item, .. } => format!("/items/{item}/sku"),
        Refusal::PriceDiffers { item, .. } => format!("/items/{item}/price"),
        Refusal::PriceChanged { item, .. } => format!("/items/{item}/expected_price"),
        Refusal::ExpectedTotalDiffers { .. } => "/expected_price".to_owned(),
        Refusal::TotalDiffers { .. } | Refusal::TotalTooLarge => "/total".to_owned(),
    };
    FieldError { pointer, detail: refusal.to_string() }
}

#[cfg(test)]
mod tests;
