//! The secret that an endpoint shares with us, and signatures with it, as Standard Webhooks wants them
//! (<https://www.standardwebhooks.com>): HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How every secret begins when it is shown.
const MARK: &str = "whsec_";
/// Bytes of a secret of ours; the specification wants 24 to 64.
const BYTES: usize = 32;
/// Version of symmetric signatures.
const VERSION: &str = "v1";

/// Has no `Debug`, so that it never gets into a log.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

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

    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As the partner gets it: `whsec_` and base64.
    pub fn reveal(&self) -> String {
        format!("{MARK}{}", STANDARD.encode(&self.0))
    }

    /// One entry of the header `webhook-signature`. `timestamp` is in seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        // a key of any length is taken (RFC 2104, 2)
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        let signature = mac.chain_update(format!("{id}.{timestamp}.")).chain_update(body).finalize().into_bytes();
        format!("{VERSION},{}", STANDARD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_the_specifications_own_example() {
        let secret = Secret(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64"));
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(secret.reveal(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }

    #[test]
    fn no_two_secrets_are_the_same_and_each_is_long_enough() {
        let secret = || Secret::generate().expect("random numbers");
        assert_ne!(secret().reveal(), secret().reveal());
        assert!((24..=64).contains(&secret().bytes().len()));
    }
}
