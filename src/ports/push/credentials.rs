//! The service account that speaks to FCM: its JSON key file and the assertion it signs (RFC 7523). Used by [`super::token`].

use std::fmt;
use std::path::Path;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ports::outbound::SetupError;

/// The one permission that is asked for.
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";

/// Longest life Google accepts for an assertion, in seconds.
const ASSERTION_SECONDS: i64 = 3600;

/// A Google service account. `Debug` leaves the key out.
#[derive(Clone)]
pub struct ServiceAccount {
    pub project_id: String,
    pub token_uri: String,
    client_email: String,
    key_id: Option<String>,
    key: EncodingKey,
}

/// The fields read of the file that Google's console hands out.
#[derive(Deserialize)]
struct KeyFile {
    project_id: String,
    client_email: String,
    private_key_id: Option<String>,
    private_key: String,
    token_uri: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl ServiceAccount {
    /// # Errors
    /// [`SetupError`] when the file cannot be read or holds no usable key.
    pub fn read(path: &Path) -> Result<Self, SetupError> {
        let option = "PUSH_CREDENTIALS_FILE";
        let text = std::fs::read(path).map_err(|source| SetupError::File { option, path: path.to_owned(), source })?;
        let file: KeyFile = serde_json::from_slice(&text)
            .map_err(|error| SetupError::option(option, format!("is not a service account's key file: {error}")))?;
        let key = EncodingKey::from_rsa_pem(file.private_key.as_bytes())
            .map_err(|error| SetupError::option(option, format!("holds no RSA private key: {error}")))?;
        Ok(Self {
            project_id: file.project_id,
            token_uri: file.token_uri,
            client_email: file.client_email,
            key_id: file.private_key_id,
            key,
        })
    }

    /// A signed statement of who we are, to be exchanged for an access token.
    pub(super) fn assertion(&self, now: OffsetDateTime) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.unix_timestamp();
        let claims = Claims {
            iss: &self.client_email,
            scope: SCOPE,
            aud: &self.token_uri,
            iat,
            exp: iat.saturating_add(ASSERTION_SECONDS),
        };
        let header = Header { kid: self.key_id.clone(), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &self.key)
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount")
            .field("project_id", &self.project_id)
            .field("client_email", &self.client_email)
            .finish_non_exhaustive()
    }
}
