//! Takes a customer's personal data out of the dead letters and keeps the evidence: that something failed, where, when and why.

use serde_json::{Map, Value, json};
use sqlx::PgConnection;

use super::by::By;
use super::mask::mask_text;
use crate::domain::CustomerId;
use crate::store::dead_letters::{self as store, DeadLetter, Remains};

/// Fields that say nothing about a person: what is left of a body.
const EVIDENCE: [&str; 10] =
    ["id", "order_id", "sku", "quantity", "price", "total", "amount", "status", "type", "created_at"];

/// Erases; answers how many letters were concerned.
///
/// # Errors
/// Any database error.
pub async fn erase_customer(db: &mut PgConnection, by: &By<'_>, customer: &CustomerId) -> Result<usize, sqlx::Error> {
    let letters = store::of_customer(db, customer.as_str()).await?;
    let why = format!("erased by {}", by.actor);
    for letter in &letters {
        store::erase(db, &remains(letter, customer), &why).await?;
    }
    // Not the customer's id: the log is never erased.
    let after = json!({"letters": letters.len()});
    by.did(db, "dead_letter.erase", "dead-letters of a customer", Some(&after)).await?;
    Ok(letters.len())
}

fn remains(letter: &DeadLetter, customer: &CustomerId) -> Remains {
    let payload = match serde_json::from_slice::<Value>(&letter.payload) {
        Ok(body) => evidence(body).to_string().into_bytes(),
        Err(_) => Vec::new(),
    };
    let kept = |fields: &Map<String, Value>| {
        let fields = fields.iter().filter(|(_, value)| !value.to_string().contains(customer.as_str()));
        // the error and every attempt's words may quote anything
        fields
            .filter(|(name, _)| !matches!(name.as_str(), "fleet-error" | "fleet-attempts"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Map<_, _>>()
    };
    Remains {
        id: letter.summary.id,
        payload,
        headers: Value::Object(kept(&letter.headers)),
        properties: Value::Object(kept(&letter.properties)),
        error: mask_text(&letter.summary.error).replace(customer.as_str(), "(erased)"),
    }
}

fn evidence(body: Value) -> Value {
    match body {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter_map(|(name, value)| match value {
                    Value::Object(_) | Value::Array(_) => Some((name, evidence(value))),
                    _ if EVIDENCE.contains(&name.as_str()) => Some((name, value)),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
                })
                .collect(),
        ),
        Value::Array(list) => {
            Value::Array(list.into_iter().filter(|one| one.is_object() || one.is_array()).map(evidence).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_nothing_about_a_person_is_left() {
        let order = json!({"id": "7", "customer_id": "anna", "email": "a@b.example", "phone": "+49", "total": 5, "note": "ring",
            "items": [{"sku": "A", "quantity": 1, "engraving": "for Ada"}], "tags": ["anna"]});
        assert_eq!(evidence(order), json!({"id": "7", "total": 5, "items": [{"sku": "A", "quantity": 1}], "tags": []}));
    }
}
