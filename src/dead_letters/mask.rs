//! Hides e-mail addresses and phone numbers from whoever only needs to understand a failure.

use serde_json::Value;

use crate::domain::{Email, Phone};

/// Masks a JSON value in place: whole fields by their name, and whatever looks like an address inside other texts.
pub fn mask_json(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match (name.as_str(), &*value) {
                    ("email" | "phone" | "payment_token", Value::String(text)) => {
                        let masked = mask_text(text);
                        *value = Value::String(if masked == *text { "***".to_owned() } else { masked });
                    }
                    ("email" | "phone" | "payment_token", Value::Number(_)) => *value = Value::String("***".to_owned()),
                    _ => mask_json(value),
                }
            }
        }
        Value::Array(array) => array.iter_mut().for_each(mask_json),
        Value::String(text) => *text = mask_text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Masks the addresses and the international numbers in a text.
pub fn mask_text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut word = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, '@' | '.' | '+' | '-' | '_' | '%') {
            word.push(c);
        } else {
            masked.push_str(&mask_word(&word));
            word.clear();
            masked.push(c);
        }
    }
    masked.push_str(&mask_word(&word));
    masked
}

fn mask_word(word: &str) -> String {
    // The full stop of a sentence is no part of the address before it.
    let (word, dot) = word.strip_suffix('.').map_or((word, ""), |word| (word, "."));
    let masked = match (Email::parse(word), Phone::parse(word)) {
        (Ok(email), _) => email.masked(),
        (_, Ok(phone)) if word.starts_with('+') => phone.masked(),
        _ => word.to_owned(),
    };
    masked + dot
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_and_numbers_are_hidden_wherever_they_stand() {
        let mut value = json!({
            "email": "ada@shop.example", "phone": "0301234567", "id": "2026-01-01",
            "items": [{"note": "call +49 or write to bob@shop.example."}], "total": 19.99,
        });
        mask_json(&mut value);
        assert_eq!(
            value,
            json!({
                "email": "a***@shop.example", "phone": "***", "id": "2026-01-01",
                "items": [{"note": "call +49 or write to b***@shop.example."}], "total": 19.99,
            })
        );
        assert_eq!(mask_text(r#"{"phone": "+4930123456", "#), r#"{"phone": "***56", "#);
        assert_eq!(mask_text("550 <ada@shop.example> is unknown"), "550 <a***@shop.example> is unknown");
    }
}
