//! A mail in the form that travels (RFC 5322, multipart/alternative). Used by both forms of the mail port.

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use super::Mail;
use crate::ports::outbound::{SendError, for_logs};

/// # Errors
/// [`SendError::Refused`]: what cannot be written as a mail today cannot be tomorrow either.
pub(super) fn format(mail: &Mail, from: &Mailbox) -> Result<Message, SendError> {
    let refused =
        |problem: String| SendError::Refused { reason: for_logs(&problem, mail.to.as_str(), &mail.to.masked()) };
    let to = mail.to.as_str().parse().map_err(|error| refused(format!("the address cannot be used: {error}")))?;
    let mut message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(&mail.subject))
        .message_id(Some(format!("<{}@{}>", mail.message_id, from.email.domain())));
    for (name, value) in &mail.headers {
        let name = HeaderName::new_from_ascii((*name).to_owned())
            .map_err(|_| refused(format!("{name} is not the name of a header")))?;
        message = message.raw_header(HeaderValue::new(name, one_line(value)));
    }
    message
        .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
        .map_err(|error| refused(format!("the mail cannot be written: {error}")))
}

/// A line break in a header would start another header.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::Email;

    fn mail() -> Mail {
        Mail {
            message_id: Uuid::from_u128(7),
            to: Email::parse("ada@shop.example").expect("valid"),
            subject: "Hello\r\nBcc: eve@evil.example".to_owned(),
            text: "plain".to_owned(),
            html: "<p>rich</p>".to_owned(),
            headers: vec![("X-Order-Id", "1\r\nX-Evil: 2".to_owned())],
        }
    }

    #[test]
    fn the_message_id_follows_from_the_message_and_no_text_can_add_a_header() {
        let from = "Shop <orders@shop.example>".parse().expect("a mailbox");
        let text = String::from_utf8(format(&mail(), &from).expect("formats").formatted()).expect("ascii");
        assert!(text.contains("Message-ID: <00000000-0000-0000-0000-000000000007@shop.example>\r\n"), "{text}");
        assert!(!text.contains("\r\nBcc:") && !text.contains("\r\nX-Evil:"), "{text}");
        assert!(text.contains("text/plain") && text.contains("text/html"), "{text}");
    }

    #[test]
    fn an_address_that_mail_cannot_express_is_refused_and_masked() {
        let from = "orders@shop.example".parse().expect("a mailbox");
        let mail = Mail { to: Email::parse("a(b)c@shop.example").expect("shape"), ..mail() };
        match format(&mail, &from) {
            Err(SendError::Refused { reason }) => assert!(!reason.contains("(b)"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}
