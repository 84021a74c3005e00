//! API keys: what a program presents instead of a token. Only its hash is stored, so a key is shown once, when it is made.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// How every key begins, so that people and scanners for leaked secrets know what they have found.
const MARK: &str = "fleet_";
/// Random bytes that tell keys apart in lists; no secret.
const NAME_BYTES: usize = 4;
/// Random bytes of the secret: as many as its hash has, so guessing is hopeless and the hash needs no salt.
const SECRET_BYTES: usize = 32;

/// Longest name of a program; it is stored with everything that the program does.
const LONGEST_NAME: usize = 64;

/// `fleet_` + 8 hexadecimal digits + `_` + 64 hexadecimal digits. Holds a secret, so it has no `Debug`.
#[derive(Clone)]
pub struct ApiKey(String);

impl ApiKey {
    /// A key that nobody has.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; NAME_BYTES + SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        let (name, secret) = bytes.split_at(NAME_BYTES);
        Ok(Self(format!("{MARK}{}_{}", hex(name), hex(secret))))
    }

    /// Whether this text means to be a key of ours, rather than a token.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(MARK)
    }

    /// A text of the right form; whether anybody was given this key, only the database knows.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, secret) = text.strip_prefix(MARK)?.split_once('_')?;
        let is_hex = |text: &str, bytes: usize| text.len() == 2 * bytes && text.bytes().all(is_digit);
        (is_hex(name, NAME_BYTES) && is_hex(secret, SECRET_BYTES)).then(|| Self(text.to_owned()))
    }

    /// The name of the program that a key is for.
    ///
    /// # Errors
    /// The rule that the name breaks.
    pub fn read_name(text: &str) -> Result<String, &'static str> {
        let is_name =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        match text.len() {
            1..=LONGEST_NAME if is_name(text) => Ok(text.to_owned()),
            _ => Err("must be 1 to 64 letters, digits, '.', '_' or '-'"),
        }
    }

    /// The part that may be shown: `fleet_` and the eight digits.
    pub fn prefix(&self) -> &str {
        &self.0[..MARK.len() + 2 * NAME_BYTES]
    }

    /// SHA-256 of the whole key.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// The key itself, for whoever it is made for.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_is_nobody_elses() {
        let key = ApiKey::generate().expect("random numbers");
        let read = ApiKey::parse(key.reveal()).expect("a key");
        assert_eq!((read.hash(), read.prefix()), (key.hash(), key.prefix()));
        assert!(key.prefix().len() == 14 && !key.prefix().ends_with('_'));
        let other = ApiKey::generate().expect("random numbers");
        assert!(other.hash() != key.hash() && other.reveal() != key.reveal());
    }

    #[test]
    fn what_is_no_key_is_not_looked_up() {
        let key = ApiKey::generate().expect("random numbers");
        for wrong in [
            "",
            "fleet_",
            "eyJhbGciOiJIUzI1NiJ9.e30.x",
            &key.reveal()[1..],
            &key.reveal()[..70],
            &key.reveal().to_uppercase(),
        ] {
            assert!(ApiKey::parse(wrong).is_none(), "{wrong}");
        }
        assert!(ApiKey::parse(&format!("{}0", key.reveal())).is_none());
    }
}
