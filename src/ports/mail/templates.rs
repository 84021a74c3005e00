//! What the mails say: minijinja templates under `templates/email`, built into the binary. Called by the email-service.

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use uuid::Uuid;

use super::Mail;
use crate::contract::notification::Notification;
use crate::domain::notification::Kind;
use crate::domain::{Item, Money};
use crate::ports::outbound::SetupError;

/// Every file; a kind has one for the subject, one in text, one in HTML.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/email/", $name)))),+]
    };
}

const FILES: [(&str, &str); 15] = files![
    "layout.html",
    "lines.html",
    "lines.txt",
    "order_confirmation.subject.txt",
    "order_confirmation.txt",
    "order_confirmation.html",
    "order_failed.subject.txt",
    "order_failed.txt",
    "order_failed.html",
    "order_refunded.subject.txt",
    "order_refunded.txt",
    "order_refunded.html",
    "order_cancelled.subject.txt",
    "order_cancelled.txt",
    "order_cancelled.html",
];

/// The parsed templates; made once at start.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    shop: String,
}

impl Templates {
    /// `shop` signs the mails.
    ///
    /// # Errors
    /// [`SetupError::Template`] when a built-in template does not parse.
    pub fn new(shop: impl Into<String>) -> Result<Self, SetupError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
            true => AutoEscape::Html,
            false => AutoEscape::None,
        });
        for (name, source) in FILES {
            environment.add_template(name, source)?;
        }
        Ok(Self { environment, shop: shop.into() })
    }

    /// The mail about this notification, or `None` for the kinds that e-mail does not carry. `link` is where the order can be followed.
    ///
    /// # Errors
    /// A template that cannot be rendered; a fault of ours and not of the message.
    pub fn mail(
        &self,
        message_id: Uuid,
        notification: &Notification,
        link: Option<&str>,
    ) -> Result<Option<Mail>, minijinja::Error> {
        let Some(name) = template(notification.kind) else { return Ok(None) };
        let context = context! {
            shop => self.shop.as_str(),
            order_id => notification.order_id.to_string(),
            items => notification.items.iter().map(line).collect::<Vec<Value>>(),
            total => notification.total.to_string(),
            reason => notification.reason.as_deref().unwrap_or_default(),
            link,
        };
        let render = |ending: &str| self.environment.get_template(&format!("{name}{ending}"))?.render(context.clone());
        Ok(Some(Mail {
            message_id,
            to: notification.email.clone(),
            subject: render(".subject.txt")?.trim().to_owned(),
            text: render(".txt")?,
            html: render(".html")?,
            headers: vec![
                ("X-Order-Id", notification.order_id.to_string()),
                // Keeps holiday replies away (RFC 3834, 5).
                ("Auto-Submitted", "auto-generated".to_owned()),
            ],
        }))
    }
}

/// The same choice as [`crate::domain::notification::Channel::carries`]; a test holds them together.
fn template(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::OrderConfirmation | Kind::OrderFailed | Kind::OrderRefunded | Kind::OrderCancelled => Some(kind.as_str()),
        Kind::OrderShipped | Kind::OrderDelivered => None,
    }
}

fn line(item: &Item) -> Value {
    context! {
        sku => item.sku.as_str(),
        quantity => item.quantity,
        price => item.price.to_string(),
        // A line beyond the range of money was never accepted as an order; a mail about it still goes out.
        total => item.total().as_ref().map(Money::to_string).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notification::Channel;
    use crate::domain::{CustomerId, Email, OrderId, OrderStatus, Sku};

    const LINK: &str = "https://shop.example/track/abc";

    fn notification(kind: Kind) -> Notification {
        let item = |sku, quantity, price: &str| Item {
            sku: Sku::parse(sku).expect(sku),
            quantity,
            price: price.parse().expect(price),
        };
        Notification {
            kind,
            order_id: OrderId(Uuid::from_u128(0xa0)),
            customer_id: CustomerId::parse("c-1").ok(),
            email: Email::parse("ada@shop.example").expect("valid"),
            phone: None,
            total: "69.92".parse().expect("money"),
            status: Some(OrderStatus::Confirmed),
            items: vec![item("GADGET-02", 2, "19.99"), item("BOLT/M8", 3, "9.98")],
            reason: Some("not enough <b>stock</b> & so on".to_owned()),
            carrier: None,
            tracking_number: None,
        }
    }

    #[test]
    fn every_kind_that_email_carries_renders_its_lines_and_its_total_in_both_forms() {
        let templates = Templates::new("Order Fleet").expect("parse");
        for kind in Kind::ALL {
            let mail = templates.mail(Uuid::from_u128(1), &notification(kind), Some(LINK)).expect("renders");
            assert_eq!(mail.is_some(), Channel::Email.carries(kind), "{kind:?}");
            let Some(mail) = mail else { continue };
            assert!(mail.text.contains(&format!(": {LINK}\n")), "{}", mail.text);
            assert!(mail.subject.contains("00a0") && !mail.subject.contains('\n'), "{}", mail.subject);
            for part in [&mail.text, &mail.html] {
                for expected in
                    ["GADGET-02", "19.99", "39.98", "29.94", "69.92", "Order Fleet", "00a0", "Follow your order"]
                {
                    assert!(part.contains(expected), "{kind:?} lacks {expected}:\n{part}");
                }
                // longer lines would have to be encoded, which costs more than all the rest of a mail
                let long = part.lines().find(|line| line.len() > 76);
                assert!(long.is_none() && part.is_ascii(), "{kind:?}: {long:?}");
            }
        }
    }

    #[test]
    fn a_reason_is_escaped_in_html_and_left_alone_in_text() {
        let templates = Templates::new("Order Fleet").expect("parse");
        for kind in [Kind::OrderFailed, Kind::OrderCancelled] {
            let mail =
                templates.mail(Uuid::from_u128(1), &notification(kind), Some(LINK)).expect("renders").expect("carried");
            assert!(mail.text.contains("<b>stock</b> & so on"), "{}", mail.text);
            assert!(mail.html.contains("&lt;b&gt;stock") && !mail.html.contains("<b>stock"), "{}", mail.html);
        }
    }

    #[test]
    fn a_mail_without_reason_or_lines_still_reads_well() {
        let templates = Templates::new("Order Fleet").expect("parse");
        for kind in Kind::ALL {
            let bare = Notification { items: Vec::new(), reason: None, ..notification(kind) };
            if let Some(mail) = templates.mail(Uuid::from_u128(1), &bare, None).expect("renders") {
                assert!(
                    !mail.text.contains("Reason") && !mail.html.contains("<a ") && !mail.text.contains("\n\n\n"),
                    "{}",
                    mail.text
                );
            }
        }
    }
}
