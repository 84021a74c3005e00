//! Who does something, why, and where that is found in the log.

use serde_json::Value;
use sqlx::PgConnection;

use crate::access::Actor;
use crate::store::audit_log::{self, Deed};

#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    pub actor: &'a Actor,
    pub why: &'a str,
    /// Of the request, where there is one.
    pub correlation_id: Option<&'a str>,
}

impl By<'_> {
    /// Writes the deed into the audit log, as the last thing of its transaction. `target`: as in `queue:payment_requests`.
    pub(super) async fn did(
        &self,
        db: &mut PgConnection,
        action: &str,
        target: &str,
        after: Option<&Value>,
    ) -> Result<(), sqlx::Error> {
        let Self { actor, why, correlation_id } = *self;
        audit_log::append(db, &Deed { actor, action, target, reason: Some(why), before: None, after, correlation_id })
            .await
    }
}
