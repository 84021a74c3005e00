//! Reads a JSON object field by field and collects every fault, so that a client can mend them all at once.

use std::fmt::Display;

use serde_json::{Map, Value};

use crate::domain::Money;

/// One fault in one field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field, as in `/items/0/quantity`.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.pointer, self.detail)
    }
}

/// Up to here a float holds every whole number exactly: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A reader over one object. Every getter returns `None` after noting the fault; [`Fields::unknown`] tells what was never asked for.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: String,
    asked: Vec<&'static str>,
    pub errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    pub fn new(object: &'a Map<String, Value>, path: impl Into<String>) -> Self {
        Self { object, path: path.into(), asked: Vec::new(), errors: Vec::new() }
    }

    /// Notes a fault of the field `name`.
    pub fn fault(&mut self, name: &str, detail: impl Display) {
        self.errors.push(FieldError { pointer: format!("{}/{name}", self.path), detail: detail.to_string() });
    }

    /// The raw value; `null` counts as absent.
    pub fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.asked.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn required(&mut self, name: &'static str) -> Option<&'a Value> {
        let value = self.value(name);
        if value.is_none() {
            self.fault(name, "is required");
        }
        value
    }

    /// A required string that `parse` accepts.
    pub fn text<T, E: Display>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let value = self.required(name)?;
        self.parse_text(name, value, parse)
    }

    /// An optional string that `parse` accepts.
    pub fn optional_text<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.value(name)?;
        self.parse_text(name, value, parse)
    }

    fn parse_text<T, E: Display>(
        &mut self,
        name: &str,
        value: &Value,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Some(text) = value.as_str() else {
            self.fault(name, format_args!("must be a string, is {}", type_name(value)));
            return None;
        };
        parse(text).map_err(|error| self.fault(name, error)).ok()
    }

    /// A required whole number from `min` to `max`.
    pub fn whole(&mut self, name: &'static str, min: i64, max: i64) -> Option<i64> {
        let value = self.required(name)?;
        match whole_number(value) {
            Some(number) if (min..=max).contains(&number) => Some(number),
            Some(_) | None if value.is_number() => {
                self.fault(name, format_args!("must be a whole number from {min} to {max}"));
                None
            }
            Some(_) | None => {
                self.fault(name, format_args!("must be a number, is {}", type_name(value)));
                None
            }
        }
    }

    /// An optional amount of money, as a number or a string.
    pub fn optional_money(&mut self, name: &'static str) -> Option<Money> {
        let text = match self.value(name)? {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            other => {
                self.fault(name, format_args!("must be a number, is {}", type_name(other)));
                return None;
            }
        };
        text.parse().map_err(|error| self.fault(name, error)).ok()
    }

    /// An optional boolean.
    pub fn optional_flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.value(name)?;
        if value.as_bool().is_none() {
            self.fault(name, format_args!("must be true or false, is {}", type_name(value)));
        }
        value.as_bool()
    }

    /// A required list with 1 to `max` entries.
    pub fn list(&mut self, name: &'static str, max: usize) -> Option<&'a [Value]> {
        let value = self.required(name)?;
        match value.as_array() {
            Some(list) if list.is_empty() => self.fault(name, "must not be empty"),
            Some(list) if list.len() > max => {
                self.fault(name, format_args!("must have at most {max} entries, has {}", list.len()));
            }
            Some(list) => return Some(list),
            None => self.fault(name, format_args!("must be a list, is {}", type_name(value))),
        }
        None
    }

    /// Every fault: what the getters noted, and the fields that none of them asked for.
    pub fn faults(mut self) -> Vec<FieldError> {
        self.errors.extend(self.unknown());
        self.errors
    }

    /// The fields that no getter asked for, as faults: usually misspelled.
    pub fn unknown(&self) -> Vec<FieldError> {
        self.object
            .keys()
            .filter(|key| !self.asked.contains(&key.as_str()))
            .map(|key| FieldError {
                pointer: format!("{}/{}", self.path, key.replace('~', "~0").replace('/', "~1")),
                detail: "is not a known field".to_owned(),
            })
            .collect()
    }
}

/// A whole number, however it is written: JSON knows no difference between `2` and `2.0`, and some clients write all numbers so.
pub fn whole_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)?;
        // loses nothing: whole, and in the range
        Some(number as i64)
    })
}

/// What a JSON value is, in words.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_number_may_be_written_with_a_point_but_not_be_a_fraction_or_inexact() {
        for (value, number) in
            [(json!(2), 2), (json!(2.0), 2), (json!(-7.0), -7), (json!(1e3), 1_000), (json!(i64::MAX), i64::MAX)]
        {
            assert_eq!(whole_number(&value), Some(number), "{value}");
        }
        let written: Value = serde_json::from_str("-3808467526597154.0").expect("a number");
        assert_eq!(whole_number(&written), Some(-3_808_467_526_597_154));
        for value in [json!(2.5), json!(1e300), json!(u64::MAX), json!("2"), json!(null), json!(9.1e18)] {
            assert_eq!(whole_number(&value), None, "{value}");
        }
    }
}
