//! The outside world of the run: payment gateway, mail server, SMS and push providers. Their books outlive every role and tell
//! what really happened.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use uuid::Uuid;

use super::fault::Kind;
use crate::stand_ins::{FcmServer, GatewayManners, GatewayServer, Misbehaviour, SmtpManners, SmtpServer, TwilioServer};

const API_KEY: &str = "sk_chaos";
const SMS_ACCOUNT: (&str, &str) = ("ACchaos", "chaos-token");

pub struct Outside {
    pub gateway: GatewayServer,
    pub mail: SmtpServer,
    pub sms: TwilioServer,
    pub push: FcmServer,
}

/// What reached the customers, by channel.
#[derive(Default)]
pub struct Received {
    /// Order and kind, for each channel that carries them.
    pub mails: HashSet<String>,
    pub pushes: HashSet<(String, String)>,
    /// Messages that arrived more often than once: seen so often too much.
    pub repeated_mails: HashMap<String, usize>,
    pub repeated_pushes: HashMap<String, usize>,
    /// Repeats that the provider recognised by their key.
    pub recognised_texts: usize,
    pub count_mails: usize,
    pub count_pushes: usize,
    pub count_texts: usize,
}

impl Outside {
    pub async fn start(seed: u64) -> Self {
        Self {
            gateway: GatewayServer::start(API_KEY, seed).await,
            mail: SmtpServer::start().await,
            sms: TwilioServer::start(SMS_ACCOUNT.0, SMS_ACCOUNT.1).await,
            push: FcmServer::start().await,
        }
    }

    /// The settings by which the roles find it. Deadlines are short, so that a server that hangs is one fault and not five minutes.
    pub fn environment(&self, folder: &Path) -> Vec<(String, String)> {
        let credentials = folder.join("push-credentials.json");
        self.push.write_credentials(&credentials);
        [
            ("PAYMENT_API_URL", self.gateway.base().to_owned()),
            ("PAYMENT_API_KEY", API_KEY.to_owned()),
            ("PAYMENT_API_DEADLINE", "7000".to_owned()),
            ("SMTP_URL", self.mail.url()),
            ("MAIL_DEADLINE", "5000".to_owned()),
            ("SMS_API_URL", self.sms.base().to_owned()),
            ("SMS_ACCOUNT_SID", SMS_ACCOUNT.0.to_owned()),
            ("SMS_AUTH_TOKEN", SMS_ACCOUNT.1.to_owned()),
            ("SMS_FROM", "+15005550006".to_owned()),
            ("SMS_DEADLINE", "5000".to_owned()),
            ("PUSH_API_URL", self.push.base().to_owned()),
            ("PUSH_CREDENTIALS_FILE", credentials.display().to_string()),
            ("PUSH_DEADLINE", "5000".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Begins one kind of trouble. Of payment errors, 30 % in all, half have taken the money.
    pub fn trouble(&self, kind: Kind) {
        let down = || Some(Misbehaviour::status(503, "{}"));
        match kind {
            Kind::PaymentErrors => {
                self.gateway.set_manners(GatewayManners { errors: 0.15, lost_answers: 0.15, ..Default::default() });
            }
            Kind::PaymentSlow => {
                let latency = (Duration::from_secs(2), Duration::from_secs(5));
                self.gateway.set_manners(GatewayManners { latency, ..Default::default() });
            }
            Kind::MailDown => self.mail.set_manners(SmtpManners::Closed),
            Kind::SmsDown => self.sms.misbehave(down()),
            Kind::PushDown => self.push.misbehave(down()),
            Kind::Kill
            | Kind::Terminate
            | Kind::BrokerRestart
            | Kind::BrokerKill
            | Kind::DatabaseRestart
            | Kind::DatabaseKill
            | Kind::Cut
            | Kind::CutAll
            | Kind::Delay
            | Kind::DelayAll
            | Kind::Stall
            | Kind::StallAll
            | Kind::Duplicates
            | Kind::LateCopies
            | Kind::MemoryAlarm
            | Kind::DiskAlarm
            | Kind::ClockSkew
            | Kind::NodeKill
            | Kind::NodeCut
            | Kind::BrokerAway
            | Kind::DatabaseAway => {}
        }
    }

    /// Ends the trouble of a kind.
    pub fn relieve(&self, kind: Kind) {
        if matches!(kind, Kind::PaymentErrors | Kind::PaymentSlow) {
            self.gateway.set_manners(GatewayManners::default());
        }
        if kind == Kind::MailDown {
            self.mail.set_manners(SmtpManners::Polite);
        }
        if kind == Kind::SmsDown {
            self.sms.misbehave(None);
        }
        if kind == Kind::PushDown {
            self.push.misbehave(None);
        }
    }

    pub fn relieve_all(&self) {
        for kind in [Kind::PaymentErrors, Kind::MailDown, Kind::SmsDown, Kind::PushDown] {
            self.relieve(kind);
        }
    }

    /// Reads the books of the providers. A mail is known by its Message-ID, `<message id@host>`.
    pub fn received(&self) -> Received {
        let mut received = Received::default();
        for mail in self.mail.mails() {
            received.count_mails += 1;
            let id = mail.header("Message-ID").unwrap_or_default();
            let id = id.trim_start_matches('<').split('@').next().unwrap_or_default().to_owned();
            if !received.mails.insert(id.clone()) {
                *received.repeated_mails.entry(id).or_default() += 1;
            }
        }
        for message in self.push.messages() {
            received.count_pushes += 1;
            let text = |field: &str| message["data"][field].as_str().unwrap_or_default().to_owned();
            if !received.pushes.insert((text("order_id"), text("type"))) {
                *received.repeated_pushes.entry(text("message_id")).or_default() += 1;
            }
        }
        received.count_texts = self.sms.texts().len();
        received.recognised_texts = self.sms.repeats();
        received
    }

    /// Cents held for each order.
    pub fn money(&self) -> HashMap<Uuid, crate::stand_ins::Holding> {
        self.gateway.holdings()
    }
}
