//! Where alerts go.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args;

use super::{MailArgs, given};
use crate::config::Shared;
use crate::domain::Email;
use crate::ports::SetupError;
use crate::ports::alerts::{Route, Routes};
use crate::ports::mail::Mailer;

/// Who is told of alerts. Addresses of webhooks are secrets, so it has no `Debug`.
#[derive(Args, Clone)]
#[command(next_help_heading = "Alerts")]
pub struct AlertArgs {
    /// Where alerts go that nobody else owns: addresses of webhooks that take Slack's messages, and mailboxes, separated by
    /// commas. They are in the log in any case
    #[arg(long, env, hide_env_values = true, value_name = "TARGETS")]
    pub alert_targets: Option<String>,
    /// Where alerts go about groups that have an owner: owner=targets, separated by semicolons, as in
    /// mail-team=mail@shop.example;pay-team=https://chat.example/hooks/1
    #[arg(long, env, hide_env_values = true, value_name = "ROUTES")]
    pub alert_routes: Option<String>,
    #[command(flatten)]
    pub mail: Shared<MailArgs>,
}

impl AlertArgs {
    /// # Errors
    /// [`SetupError`] when a target is neither an address nor a mailbox.
    pub fn routes(&self) -> Result<Routes, SetupError> {
        let mut mailer = None;
        let default = match given(self.alert_targets.as_deref()) {
            Some(targets) => self.targets("ALERT_TARGETS", targets, &mut mailer)?,
            None => Vec::new(),
        };
        let mut of_owners = BTreeMap::new();
        for route in given(self.alert_routes.as_deref()).into_iter().flat_map(|text| text.split(';')) {
            let wrong = || SetupError::option("ALERT_ROUTES", "must be owner=targets;owner=targets");
            let (owner, targets) = route.split_once('=').ok_or_else(wrong)?;
            of_owners.insert(owner.trim().to_owned(), self.targets("ALERT_ROUTES", targets, &mut mailer)?);
        }
        Ok(Routes { default, of_owners })
    }

    fn targets(
        &self,
        option: &'static str,
        text: &str,
        mailer: &mut Option<Arc<Mailer>>,
    ) -> Result<Vec<Route>, SetupError> {
        let mut routes = Vec::new();
        for target in text.split(',').map(str::trim).filter(|target| !target.is_empty()) {
            if target.contains("://") {
                routes.push(Route::webhook(option, target)?);
                continue;
            }
            let to = Email::parse(target).map_err(|error| SetupError::option(option, error.to_string()))?;
            let mailer = match mailer {
                Some(mailer) => Arc::clone(mailer),
                None => Arc::clone(mailer.insert(Arc::new(self.mail.0.build()?))),
            };
            routes.push(Route::Mail { mailer, to });
        }
        Ok(routes)
    }
}
