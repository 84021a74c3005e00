//! Keeps secrets in the database: encrypted when there is a key (`WEBHOOK_KEY`), else as they are. Signing needs the secret itself, so
//! a hash would not do.
//!
//! A stored secret is one byte that says how it is kept, then the secret, or nonce and ciphertext (AES-256-GCM, bound to its endpoint).

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use crate::contract::signature::Secret;

const IN_CLEAR: u8 = 0;
const ENCRYPTED: u8 = 1;

/// Keys by which secrets are read; the first one writes. Without any, secrets are stored in clear.
pub struct Vault {
    keys: Vec<RandomizedNonceKey>,
}

impl Default for Vault {
    /// Without a key.
    fn default() -> Self {
        Self { keys: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 32 random bytes in base64, as `openssl rand -base64 32` makes them; more than one separated by commas, the newest first"
)]
pub struct InvalidKey;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    #[error("the endpoint's secret is encrypted, and WEBHOOK_KEY is not set")]
    NoKey,
    #[error("the endpoint's secret was encrypted with another WEBHOOK_KEY, or changed")]
    OtherKey,
    #[error("the endpoint's secret is not one that this version has stored")]
    Unknown,
    #[error("the secret could not be encrypted")]
    Sealing,
}

impl Vault {
    /// # Errors
    /// When one of the keys is none.
    pub fn new(keys: &str) -> Result<Self, InvalidKey> {
        let key = |text: &str| {
            let bytes = STANDARD.decode(text.trim()).map_err(|_| InvalidKey)?;
            RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| InvalidKey)
        };
        Ok(Self { keys: keys.split(',').map(key).collect::<Result<_, _>>()? })
    }

    /// Whether secrets are encrypted.
    pub fn encrypts(&self) -> bool {
        !self.keys.is_empty()
    }

    /// As it is to be stored for this endpoint.
    ///
    /// # Errors
    /// When the encryption fails.
    pub fn seal(&self, endpoint: Uuid, secret: &Secret) -> Result<Vec<u8>, VaultError> {
        let Some(key) = self.keys.first() else { return Ok([&[IN_CLEAR], secret.bytes()].concat()) };
        let mut sealed = secret.bytes().to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(endpoint.as_bytes()), &mut sealed);
        let nonce = nonce.map_err(|_| VaultError::Sealing)?;
        Ok([&[ENCRYPTED], nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// # Errors
    /// [`VaultError`] when the key is missing or another; nothing of it is the endpoint's fault.
    pub fn open(&self, endpoint: Uuid, stored: &[u8]) -> Result<Secret, VaultError> {
        match stored.split_first() {
            Some((&IN_CLEAR, secret)) => Ok(Secret::of_bytes(secret)),
            Some((&ENCRYPTED, rest)) => {
                let (nonce, sealed) = rest.split_at_checked(NONCE_LEN).ok_or(VaultError::Unknown)?;
                if self.keys.is_empty() {
                    return Err(VaultError::NoKey);
                }
                let opened = self.keys.iter().find_map(|key| {
                    let mut sealed = sealed.to_vec();
                    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
                    let secret = key.open_in_place(nonce, Aad::from(endpoint.as_bytes()), &mut sealed).ok()?;
                    Some(Secret::of_bytes(secret))
                });
                opened.ok_or(VaultError::OtherKey)
            }
            Some(_) | None => Err(VaultError::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    const NEW: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    fn vault(keys: &str) -> Vault {
        Vault::new(keys).expect("keys")
    }

    #[test]
    fn a_secret_is_read_back_and_its_stored_form_tells_nothing() {
        let (endpoint, secret) = (Uuid::new_v4(), Secret::generate().expect("random numbers"));
        let sealed = vault(OLD).seal(endpoint, &secret).expect("sealed");
        assert_eq!(vault(OLD).open(endpoint, &sealed).expect("opened").reveal(), secret.reveal());
        assert!(!sealed.windows(8).any(|part| secret.bytes().windows(8).any(|of_it| of_it == part)));
        assert_ne!(sealed, vault(OLD).seal(endpoint, &secret).expect("sealed"), "never the same twice");
    }

    #[test]
    fn another_key_another_endpoint_or_another_byte_opens_nothing() {
        let (endpoint, secret) = (Uuid::new_v4(), Secret::generate().expect("random numbers"));
        let sealed = vault(OLD).seal(endpoint, &secret).expect("sealed");
        assert_eq!(vault(NEW).open(endpoint, &sealed).err(), Some(VaultError::OtherKey));
        assert_eq!(vault(OLD).open(Uuid::new_v4(), &sealed).err(), Some(VaultError::OtherKey));
        assert_eq!(Vault::default().open(endpoint, &sealed).err(), Some(VaultError::NoKey));
        let mut changed = sealed.clone();
        *changed.last_mut().expect("bytes") ^= 1;
        assert_eq!(vault(OLD).open(endpoint, &changed).err(), Some(VaultError::OtherKey));
        for broken in [&sealed[..9], &[7, 7], &[]] {
            assert_eq!(vault(OLD).open(endpoint, broken).err(), Some(VaultError::Unknown));
        }
    }

    #[test]
    fn keys_can_be_changed_and_introduced_later() {
        let (endpoint, secret) = (Uuid::new_v4(), Secret::generate().expect("random numbers"));
        let both = vault(&format!("{NEW}, {OLD}"));
        for earlier in [Vault::default(), vault(OLD)] {
            let stored = earlier.seal(endpoint, &secret).expect("sealed");
            assert_eq!(both.open(endpoint, &stored).expect("opened").reveal(), secret.reveal());
        }
        let newest = both.seal(endpoint, &secret).expect("sealed");
        assert!(vault(NEW).open(endpoint, &newest).is_ok() && vault(OLD).open(endpoint, &newest).is_err());
    }

    #[test]
    fn what_is_no_key_is_said_at_the_start() {
        for bad in ["", "secret", "AAAA", &OLD[1..], &format!("{OLD},")] {
            assert!(Vault::new(bad).is_err(), "{bad}");
        }
        assert!(vault(OLD).encrypts() && !Vault::default().encrypts());
    }
}
