//! JSON Web Tokens (RFC 7519): reading one, and minting one for development. Each key verifies with its own algorithm and no other,
//! so a token cannot choose how it is judged (RFC 8725, 3.1).

mod claims;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde_json::{Map, Value, json};

use super::{Actor, Role};
use crate::domain::CustomerId;

/// Longest token that is looked at; those of identity providers have one to four kilobytes.
const LONGEST: usize = 8 * 1024;
/// Fewest bytes of a shared secret: as many as HS256's hash has (RFC 7518, 3.2).
const SHORTEST_SECRET: usize = 32;

/// What a token must say, beyond a signature that is right.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// What `aud` must contain, if anything.
    pub audience: Option<String>,
    /// What `iss` must be, if anything.
    pub issuer: Option<String>,
    /// By how many seconds clocks may differ when `exp` and `nbf` are judged.
    pub leeway_seconds: u64,
    /// Claim with the role: a name, or a path with dots as in `realm_access.roles`. Its value is a text or a list of them.
    pub role_claim: String,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self { audience: None, issuer: None, leeway_seconds: 30, role_claim: "role".to_owned() }
    }
}

/// A key with the only algorithm that it is used with.
#[derive(Clone)]
pub struct VerifyingKey {
    /// `kid`; without one, the key is tried for tokens that name none.
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at least {SHORTEST_SECRET} characters, as `openssl rand -hex 32` makes them")]
pub struct WeakSecret;

impl VerifyingKey {
    /// The shared secret of HS256.
    ///
    /// # Errors
    /// When it could be guessed.
    pub fn secret(secret: &str) -> Result<Self, WeakSecret> {
        if secret.len() < SHORTEST_SECRET {
            return Err(WeakSecret);
        }
        Ok(Self { id: None, algorithm: Algorithm::HS256, key: DecodingKey::from_secret(secret.as_bytes()) })
    }

    pub(super) fn public(id: Option<String>, algorithm: Algorithm, key: DecodingKey) -> Self {
        Self { id, algorithm, key }
    }
}

/// Who a token proves its bearer to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub actor: Actor,
    /// Seconds since 1970, the leeway included.
    pub valid_until: u64,
}

/// Why a token proves nothing. The words are for whoever sent it: they tell nothing that the token does not say itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token cannot be read")]
    Malformed,
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// The issuer may have changed its keys since they were fetched.
    #[error("the token is signed with a key that is not known")]
    UnknownKey,
    #[error("the token's signature is wrong")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token is from another issuer")]
    Issuer,
    #[error("the token's claim {0} is missing or not acceptable")]
    Claim(String),
}

/// Judges a token by the keys that are known.
///
/// # Errors
/// [`TokenError`] says what is wrong with it.
pub fn verify(token: &str, keys: &[VerifyingKey], rules: &TokenRules) -> Result<Proof, TokenError> {
    if token.len() > LONGEST {
        return Err(TokenError::Malformed);
    }
    let header = decode_header(token).map_err(|error| of_library(&error.into_kind()))?;
    // extensions that must be understood are not (RFC 7515, 4.1.11)
    if header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    let key = choose(&header, keys)?;
    let mut validation = Validation::new(key.algorithm);
    validation.leeway = rules.leeway_seconds;
    validation.validate_nbf = true;
    validation.validate_aud = rules.audience.is_some();
    let mut required = vec!["exp", "sub"];
    if let Some(audience) = &rules.audience {
        validation.set_audience(&[audience]);
        required.push("aud");
    }
    if let Some(issuer) = &rules.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    validation.set_required_spec_claims(&required);
    let claims = match decode::<Map<String, Value>>(token, &key.key, &validation) {
        Ok(token) => token.claims,
        // a provider without key ids may have changed its key
        Err(error) => match of_library(&error.into_kind()) {
            TokenError::Signature if header.kid.is_none() && key.algorithm != Algorithm::HS256 => {
                return Err(TokenError::UnknownKey);
            }
            error => return Err(error),
        },
    };
    let expires = claims.get("exp").and_then(Value::as_f64).ok_or_else(|| TokenError::Claim("exp".to_owned()))?;
    let actor = claims::actor(&claims, &rules.role_claim)?;
    Ok(Proof { actor, valid_until: (expires as u64).saturating_add(rules.leeway_seconds) })
}

/// The one key for this token. The algorithm must be the key's; the secret has no id, whatever the token names.
fn choose<'a>(header: &Header, keys: &'a [VerifyingKey]) -> Result<&'a VerifyingKey, TokenError> {
    match header.alg {
        Algorithm::HS256 => keys.iter().find(|key| key.algorithm == Algorithm::HS256).ok_or(TokenError::Algorithm),
        Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA => {
            let mut of_its_kind = keys.iter().filter(|key| key.algorithm == header.alg);
            match &header.kid {
                Some(id) => of_its_kind.find(|key| key.id.as_ref() == Some(id)).ok_or(TokenError::UnknownKey),
                None => match (of_its_kind.next(), of_its_kind.next()) {
                    (Some(only), None) => Ok(only),
                    (None, _) | (Some(_), Some(_)) => Err(TokenError::UnknownKey),
                },
            }
        }
        _ => Err(TokenError::Algorithm),
    }
}

fn of_library(error: &ErrorKind) -> TokenError {
    match error {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::NotYetValid,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::InvalidIssuer => TokenError::Issuer,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm | ErrorKind::InvalidAlgorithmName => {
            TokenError::Algorithm
        }
        ErrorKind::MissingRequiredClaim(claim) | ErrorKind::InvalidClaimFormat(claim) => {
            TokenError::Claim(claim.clone())
        }
        ErrorKind::InvalidSubject => TokenError::Claim("sub".to_owned()),
        _ => TokenError::Malformed,
    }
}

/// What a minted token says.
#[derive(Clone, Debug)]
pub struct Grant {
    pub subject: String,
    pub role: Role,
    /// For a customer whose id is not the subject.
    pub customer_id: Option<CustomerId>,
    /// Seconds since 1970.
    pub issued_at: u64,
    pub lifetime_seconds: u64,
}

/// A token by the shared secret, acceptable by these rules.
///
/// # Errors
/// [`TokenError::Claim`] when the grant would not be accepted.
pub fn mint(secret: &str, grant: &Grant, rules: &TokenRules) -> Result<String, TokenError> {
    let mut claims = Map::new();
    claims.insert("sub".to_owned(), json!(grant.subject));
    claims.insert(rules.role_claim.clone(), json!(grant.role));
    claims.insert("iat".to_owned(), json!(grant.issued_at));
    claims.insert("exp".to_owned(), json!(grant.issued_at.saturating_add(grant.lifetime_seconds)));
    if let Some(customer_id) = &grant.customer_id {
        claims.insert(claims::CUSTOMER.to_owned(), json!(customer_id));
    }
    if let Some(audience) = &rules.audience {
        claims.insert("aud".to_owned(), json!(audience));
    }
    if let Some(issuer) = &rules.issuer {
        claims.insert("iss".to_owned(), json!(issuer));
    }
    claims::actor(&claims, &rules.role_claim)?;
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret.as_bytes()))
        .map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests;
