//! Signatures of webhooks as Standard Webhooks has them (<https://github.com/standard-webhooks/standard-webhooks>, "symmetric"):
//! HMAC-SHA256 over `id.timestamp.body`, in base64, under a secret that both sides know. Whoever sends or takes a webhook uses it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Names of the three headers, in lower case as HTTP libraries want them.
pub const ID: &str = "webhook-id";
pub const TIMESTAMP: &str = "webhook-timestamp";
pub const SIGNATURE: &str = "webhook-signature";

/// How far the sender's clock may be off, and how long a webhook may have been on its way, as the reference libraries have it.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// What a secret is written with.
const PREFIX: &str = "whsec_";
/// Version of the scheme, before each signature.
const VERSION: &str = "v1";
/// Bytes of a secret, as the specification has it.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
/// Bytes of a secret of ours.
const BYTES: usize = 32;

/// What both sides know, written `whsec_` and base64. `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {PREFIX} and the base64 of {} to {} bytes", LENGTHS.start(), LENGTHS.end())]
pub struct InvalidSecret;

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
        if LENGTHS.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidSecret) }
    }
}

/// Why a webhook is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    #[error("none of the signatures is right")]
    WrongSignature,
    #[error("the timestamp is more than {} s away from now", TOLERANCE.as_secs())]
    Stale,
}

impl Secret {
    /// A secret that nobody has.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = vec![0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The secret that [`Secret::bytes`] gave.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As the other side gets it: `whsec_` and base64.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// One entry of the header `webhook-signature`; `timestamp` in seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let code = self.code(id, timestamp, body).map(|code| STANDARD.encode(code.finalize().into_bytes()));
        format!("{VERSION},{}", code.unwrap_or_default())
    }

    fn fits(&self, id: &str, timestamp: i64, body: &[u8], signature: &[u8]) -> bool {
        // compares in constant time
        self.code(id, timestamp, body).is_some_and(|code| code.verify_slice(signature).is_ok())
    }

    /// HMAC takes keys of every length, so it is always there.
    fn code(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        code.update(format!("{id}.{timestamp}.").as_bytes());
        code.update(body);
        Some(code)
    }
}

/// Whether one of the `secrets` has signed this, and lately. `signatures` is the header's value, several divided by blanks; `now`
/// in seconds since 1970. Staleness is told only to those who know a secret.
///
/// # Errors
/// [`Unverified`] says what is wrong.
pub fn verify(
    secrets: &[Secret],
    id: &str,
    timestamp: i64,
    body: &[u8],
    signatures: &str,
    now: i64,
) -> Result<(), Unverified> {
    let given = signatures.split_ascii_whitespace().filter_map(|signature| signature.split_once(','));
    let given = given.filter(|(version, _)| *version == VERSION).filter_map(|(_, text)| STANDARD.decode(text).ok());
    let signed =
        given.into_iter().any(|signature| secrets.iter().any(|secret| secret.fits(id, timestamp, body, &signature)));
    if !signed {
        return Err(Unverified::WrongSignature);
    }
    if timestamp.abs_diff(now) > TOLERANCE.as_secs() {
        return Err(Unverified::Stale);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_614_265_330;

    fn secret(text: &str) -> Secret {
        text.parse().expect(text)
    }

    /// The example of the reference libraries.
    fn known() -> Secret {
        secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    }

    #[test]
    fn a_signature_is_that_of_the_reference_libraries() {
        let signature = known().sign("msg_p5jXN8AQM9LWM0D4loKWxJek", NOW, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn any_of_several_signatures_and_any_of_two_secrets_will_do() {
        let other = secret("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let right = known().sign("m", NOW, b"body");
        let wrong = other.sign("m", NOW, b"another");
        let check = |secrets: &[Secret], signatures: &str| verify(secrets, "m", NOW, b"body", signatures, NOW);
        assert_eq!(check(&[other.clone(), known()], &format!("v1a,xyz {wrong} {right}")), Ok(()));
        for bad in ["", "v1,", "v1,!", right.trim_start_matches("v1"), wrong.as_str(), &format!("v2{}", &right[2..])] {
            assert_eq!(check(&[other.clone(), known()], bad), Err(Unverified::WrongSignature), "{bad}");
        }
        assert_eq!(check(&[other], &right), Err(Unverified::WrongSignature));
        assert_eq!(verify(&[known()], "n", NOW, b"body", &right, NOW), Err(Unverified::WrongSignature));
        assert_eq!(verify(&[known()], "m", NOW + 1, b"body", &right, NOW), Err(Unverified::WrongSignature));
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_in_both_directions() {
        let right = known().sign("m", NOW, b"");
        for (now, expected) in [(NOW + 300, Ok(())), (NOW - 300, Ok(())), (NOW + 301, Err(Unverified::Stale))] {
            assert_eq!(verify(&[known()], "m", NOW, b"", &right, now), expected);
        }
        assert_eq!(verify(&[known()], "m", i64::MIN, b"", &right, NOW), Err(Unverified::WrongSignature));
    }

    #[test]
    fn no_two_secrets_are_the_same_and_each_is_read_back_from_what_is_shown() {
        let made = || Secret::generate().expect("random numbers");
        let one = made();
        assert_ne!(one, made());
        assert_eq!(secret(&one.reveal()), one);
        assert_eq!(known().reveal(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }

    #[test]
    fn a_secret_is_checked_and_never_shown() {
        for bad in ["", "whsec_", "whsec_AAAA", "whsec_?", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(bad.parse::<Secret>(), Err(InvalidSecret), "{bad}");
        }
        assert_eq!(format!("{:?}", known()), "Secret(…)");
    }
}
