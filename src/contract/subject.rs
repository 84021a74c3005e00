//! What a message of any shape is about: its order, its customer, its products.

use serde_json::Value;
use uuid::Uuid;

/// Most products that are remembered of one message.
const MAX_SKUS: usize = 100;
/// Longest text that is taken for an id.
const MAX_TEXT: usize = 255;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    pub order_id: Option<Uuid>,
    pub customer_id: Option<String>,
    /// Sorted, each once.
    pub skus: Vec<String>,
}

impl Subject {
    /// Reads JSON of any shape; anything else is about nothing.
    pub fn of(body: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(body) else { return Self::default() };
        let mut skus = Vec::new();
        collect(&value, &mut skus);
        skus.sort();
        skus.dedup();
        skus.truncate(MAX_SKUS);
        Self { order_id: order_id(&value), customer_id: find(&value, "customer_id"), skus }
    }

    /// Whether a word of an error is one of these.
    pub fn names(&self, word: &str) -> bool {
        self.customer_id.as_deref() == Some(word) || self.skus.iter().any(|sku| sku == word)
    }
}

/// `order_id`, or the `id` of what looks like an order.
fn order_id(value: &Value) -> Option<Uuid> {
    let looks_like_an_order = ["items", "customer_id"].iter().any(|field| value.get(field).is_some());
    let own = value.get("id").filter(|_| looks_like_an_order);
    let id = value.get("order_id").or(own)?.as_str()?;
    Uuid::parse_str(id).ok()
}

/// A text of this name, here or one level below (commands carry the order inside).
fn find(value: &Value, name: &str) -> Option<String> {
    let text = |value: &Value| value.get(name)?.as_str().filter(|text| text.len() <= MAX_TEXT).map(str::to_owned);
    text(value).or_else(|| value.as_object()?.values().find_map(text))
}

fn collect(value: &Value, skus: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(sku) if name == "sku" && sku.len() <= MAX_TEXT => skus.push(sku.clone()),
                    _ => collect(value, skus),
                }
            }
        }
        Value::Array(array) => array.iter().for_each(|value| collect(value, skus)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0199c1d2-7a40-7c1e-9d43-0c2f5a1be001";

    #[test]
    fn an_order_and_a_command_about_it_have_the_same_order() {
        let order = format!(
            r#"{{"id": "{ID}", "customer_id": "c", "items": [{{"sku": "B"}}, {{"sku": "A"}}, {{"sku": "B"}}]}}"#
        );
        let command = format!(
            r#"{{"order_id": "{ID}", "order": {{"customer_id": "c"}}, "lines": [{{"sku": "A"}}, {{"sku": "B"}}]}}"#
        );
        let subject = Subject::of(order.as_bytes());
        assert_eq!(subject, Subject::of(command.as_bytes()));
        assert_eq!(subject.order_id.map(|id| id.to_string()).as_deref(), Some(ID));
        assert_eq!(subject.skus, ["A", "B"]);
        assert!(subject.names("A") && subject.names("c") && !subject.names("x"));
    }

    #[test]
    fn strange_bodies_are_about_nothing() {
        for body in [
            &b"\xff"[..],
            b"",
            b"17",
            b"[]",
            br#"{"id": "0199c1d2-7a40-7c1e-9d43-0c2f5a1be001"}"#,
            br#"{"order_id": 7}"#,
        ] {
            assert_eq!(Subject::of(body), Subject::default());
        }
    }
}
