//! From the claims of a verified token to the actor.

use serde_json::{Map, Value};

use super::TokenError;
use crate::access::{Actor, Role, Trust};
use crate::domain::CustomerId;

/// Whose things are the bearer's own; `sub` where it is missing.
pub(super) const CUSTOMER: &str = "customer_id";
/// Longest subject in characters: it is stored with everything that its bearer does.
const LONGEST_SUBJECT: usize = 128;

pub(super) fn actor(claims: &Map<String, Value>, role_claim: &str) -> Result<Actor, TokenError> {
    let wrong = |claim: &str| TokenError::Claim(claim.to_owned());
    let subject = claims.get("sub").and_then(Value::as_str).filter(|text| is_name(text)).ok_or_else(|| wrong("sub"))?;
    let trust = match role(claims, role_claim).ok_or_else(|| wrong(role_claim))? {
        Role::Customer => Trust::Customer(match claims.get(CUSTOMER) {
            Some(id) => id.as_str().and_then(|id| CustomerId::parse(id).ok()).ok_or_else(|| wrong(CUSTOMER))?,
            None => CustomerId::parse(subject).map_err(|_| wrong(CUSTOMER))?,
        }),
        Role::Operator => Trust::Operator,
        Role::Admin => Trust::Admin,
    };
    Ok(Actor::person(subject, trust))
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_SUBJECT).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// The highest role that is named. Roles of other programs may stand beside ours.
fn role(claims: &Map<String, Value>, claim: &str) -> Option<Role> {
    match find(claims, claim)? {
        Value::String(role) => role.parse().ok(),
        Value::Array(roles) => roles.iter().filter_map(|role| role.as_str()?.parse().ok()).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// By its name, which may have dots in it, else by the path that the dots make.
fn find<'a>(claims: &'a Map<String, Value>, claim: &str) -> Option<&'a Value> {
    claims.get(claim).or_else(|| {
        let mut steps = claim.split('.');
        let first = claims.get(steps.next()?)?;
        steps.try_fold(first, |value, step| value.get(step))
    })
}
