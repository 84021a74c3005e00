//! Mail over SMTP by lettre's connections. Called by [`super::Mailer`].
//!
//! The connections are kept here and not in lettre's pool: that pool takes a connection back when a send is given up in the
//! middle of a conversation, and the next mail would read the answers to the one before. Here a connection that did not end
//! its conversation well is closed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::sync::Semaphore;

use super::{Mail, Server, message};
use crate::ports::outbound::{SendError, Sent, Verdict, for_logs, within};

/// Connections at once: few servers allow one client more than ten.
const MOST_CONNECTIONS: usize = 4;

/// Longest a connection is kept unused; servers close theirs after five minutes (RFC 5321, 4.5.3.2.7).
const LONGEST_IDLE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct SmtpMailer {
    server: Server,
    from: Mailbox,
    deadline: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idle").field("since", &self.since).finish_non_exhaustive()
    }
}

impl SmtpMailer {
    /// `deadline` bounds one mail from the wait for a connection to the server's last answer.
    pub fn new(server: Server, from: Mailbox, deadline: Duration) -> Self {
        let permits = Semaphore::new(MOST_CONNECTIONS);
        Self { server, from, deadline, permits, idle: Mutex::new(Vec::new()) }
    }

    pub(super) async fn send(&self, mail: &Mail) -> Result<Sent, SendError> {
        let message = message::format(mail, &self.from)?;
        let content = message.formatted();
        within(self.deadline, async {
            let permit = self.permits.acquire().await;
            let _permit = permit.map_err(|_| SendError::unavailable("the mail port is closed"))?;
            // Owned by this future: given up here, it is closed.
            let mut connection = self.connection().await?;
            let answer = connection.send(message.envelope(), &content).await;
            answer.map_err(|error| failure(&error, mail))?;
            self.idle().push(Idle { connection, since: Instant::now() });
            Ok(Sent { transport: "smtp", reference: format!("{}@{}", mail.message_id, self.from.email.domain()) })
        })
        .await
    }

    /// A kept connection that still answers, or a new one. What goes wrong here concerns the server, never the mail.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SendError> {
        loop {
            let kept = self.idle().pop();
            let Some(Idle { mut connection, since }) = kept else { break };
            if since.elapsed() < LONGEST_IDLE && connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.server.connect().await.map_err(|error| {
            SendError::unavailable(format!(
                "no connection to {}: {}",
                self.server,
                for_logs(&error.to_string(), "", "")
            ))
        })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failure(error: &Error, mail: &Mail) -> SendError {
    let reason = for_logs(&error.to_string(), mail.to.as_str(), &mail.to.masked());
    match verdict(error) {
        Verdict::Refused => SendError::Refused { reason },
        Verdict::Unavailable | Verdict::Accepted => SendError::unavailable(reason),
    }
}

/// What the server's answer to MAIL, RCPT, DATA or the content means (RFC 5321, 4.2.1: 5yz is permanent, 4yz is not).
fn verdict(error: &Error) -> Verdict {
    match error.status().map(u16::from) {
        // "authentication required", "mechanism too weak", "credentials invalid", "encryption required" (RFC 4954, 6)
        // and "host does not accept mail" (RFC 7504): our settings, equal for every mail.
        Some(530 | 534 | 535 | 538 | 521) => Verdict::Unavailable,
        Some(500..=599) => Verdict::Refused,
        Some(_) => Verdict::Unavailable,
        // lettre refuses by itself to send what the server has not offered to take: UTF-8 addresses or content.
        None if error.is_client() => Verdict::Refused,
        None => Verdict::Unavailable,
    }
}
