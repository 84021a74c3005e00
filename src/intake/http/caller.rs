//! Whoever changes something, and the request in which they do: what the audit log wants to know of each action. The extractor of
//! every handler that does what an operator or an admin may.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::Value;
use sqlx::PgConnection;

use super::correlation::CorrelationId;
use super::problem::{Problem, of_database};
use crate::access::Actor;
use crate::dead_letters::By;
use crate::store::audit_log::{self, Deed};

#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub actor: Actor,
    pub correlation_id: String,
}

/// What changed: the state before and after, as far as there is one, and why.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Change<'a> {
    pub before: Option<&'a Value>,
    pub after: Option<&'a Value>,
    pub reason: Option<&'a str>,
}

impl Caller {
    /// For deeds that write themselves into the audit log.
    pub(super) fn by<'a>(&'a self, why: &'a str) -> By<'a> {
        By { actor: &self.actor, why, correlation_id: Some(&self.correlation_id) }
    }

    /// Writes into the audit log that this caller did `action` (as in `stock.adjust`) to `target` (as in `product:GADGET-01`). Comes
    /// last in the transaction of the action. What customers do is not written: it is in the history of their orders.
    pub(super) async fn did(
        &self,
        transaction: &mut PgConnection,
        action: &str,
        target: &str,
        Change { before, after, reason }: Change<'_>,
    ) -> Result<(), Problem> {
        let correlation_id = Some(self.correlation_id.as_str());
        let deed = Deed { actor: &self.actor, action, target, reason, before, after, correlation_id };
        audit_log::append(transaction, &deed).await.map_err(|error| of_database(&error))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let actor = Actor::from_request_parts(parts, state).await?;
        let correlation_id = parts.extensions.get::<CorrelationId>().map_or_else(String::new, |id| id.0.clone());
        Ok(Self { actor, correlation_id })
    }
}
