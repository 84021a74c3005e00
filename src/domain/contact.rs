//! How a customer is reached. Personal data: `Display` gives the whole text, [`Email::masked`] and [`Phone::masked`] are for logs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An e-mail address; checked for shape only, since only delivery can prove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// Longest address that can be delivered to (RFC 5321, 4.5.3.1.3, without the angle brackets).
const MAX_EMAIL: usize = 254;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidContact {
    #[error("must be an e-mail address of the form name@host, at most 254 characters")]
    Email,
    #[error("must be a phone number of 7 to 15 digits with an optional leading '+' (ITU-T E.164)")]
    Phone,
}

impl Email {
    /// # Errors
    /// [`InvalidContact::Email`] when the text cannot be an address.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidContact> {
        let text = text.into();
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"');
        match text.rsplit_once('@') {
            Some((name, host))
                if !name.is_empty()
                    && !name.contains('@')
                    && text.len() <= MAX_EMAIL
                    && !text.contains(odd)
                    && !host.is_empty()
                    && host
                        .split('.')
                        .all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-')) =>
            {
                Ok(Self(text))
            }
            _ => Err(InvalidContact::Email),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// First letter and host: enough to recognise, too little to write to.
    pub fn masked(&self) -> String {
        match self.0.split_once('@') {
            Some((name, host)) => format!("{}***@{host}", name.chars().next().unwrap_or('*')),
            None => "***".to_owned(),
        }
    }
}

/// A phone number without separators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

impl Phone {
    /// Drops spaces, dashes, dots and brackets.
    ///
    /// # Errors
    /// [`InvalidContact::Phone`] when what remains is not 7 to 15 digits after an optional `+`.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidContact> {
        let text: String = text.into().chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let digits = text.strip_prefix('+').unwrap_or(&text);
        if (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text))
        } else {
            Err(InvalidContact::Phone)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last two digits.
    pub fn masked(&self) -> String {
        format!("***{}", &self.0[self.0.len() - 2..])
    }
}

macro_rules! text_conversions {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = InvalidContact;
            fn try_from(text: String) -> Result<Self, InvalidContact> {
                Self::parse(text)
            }
        }
        impl From<$name> for String {
            fn from(contact: $name) -> Self {
                contact.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
text_conversions!(Email);
text_conversions!(Phone);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_for_shape_and_masked_for_logs() {
        assert_eq!(Email::parse("ada@shop.example").expect("valid").masked(), "a***@shop.example");
        for bad in
            ["", "ada", "@host", "a@", "a b@host", "a@b@c", "a@host..x", "a@<host>", &format!("{}@h", "a".repeat(254))]
        {
            assert_eq!(Email::parse(bad), Err(InvalidContact::Email), "{bad}");
        }
    }

    #[test]
    fn phone_numbers_lose_their_separators() {
        let phone = Phone::parse("+49 (30) 123-456").expect("valid");
        assert_eq!(phone.as_str(), "+4930123456");
        assert_eq!(phone.masked(), "***56");
        for bad in ["", "+", "12345", "+1234567890123456", "12a4567"] {
            assert_eq!(Phone::parse(bad), Err(InvalidContact::Phone), "{bad}");
        }
    }
}
