//! Who calls, by what the request presents: a token, or an API key.

use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, header};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::issuer_keys::{IssuerKeys, Unavailable};
use super::recent::{Known, Recent};
use super::refusal::Refusal;
use crate::access::{Actor, ApiKey, Proof, TokenError, TokenRules, VerifyingKey, verify};
use crate::intake::http::problem::{Problem, ProblemKind, of_database};
use crate::intake::http::router::ApiState;
use crate::ports::identity::Issuer;
use crate::store::api_keys;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// How callers prove who they are.
#[derive(Clone)]
pub enum Identity {
    /// They need not.
    Open,
    Required(Arc<Prover>),
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Required(_) => "Required",
        })
    }
}

pub struct Prover {
    rules: TokenRules,
    secret: Option<VerifyingKey>,
    issuer: Option<IssuerKeys>,
    recent: Recent,
}

impl Identity {
    /// By tokens of this secret or of this identity provider, and by API keys.
    pub fn required(rules: TokenRules, secret: Option<VerifyingKey>, issuer: Option<Issuer>) -> Self {
        let issuer = issuer.map(IssuerKeys::new);
        Self::Required(Arc::new(Prover { rules, secret, issuer, recent: Recent::default() }))
    }

    /// Keeps the identity provider's keys fresh until the process stops.
    pub async fn keep_fresh(self, shutdown: CancellationToken) {
        if let Self::Required(prover) = &self
            && let Some(issuer) = &prover.issuer
        {
            issuer.keep_fresh(&shutdown).await;
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    pub(super) async fn prove(&self, headers: &HeaderMap, state: &ApiState) -> Result<Actor, Refusal> {
        let prover = match self {
            Self::Open => return Ok(Actor::anyone()),
            Self::Required(prover) => prover,
        };
        let presented = presented(headers)?;
        let hash: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        let now = u64::try_from(OffsetDateTime::now_utc().unix_timestamp()).unwrap_or_default();
        if let Some(actor) = prover.recent.get(&hash, now) {
            return Ok(actor);
        }
        let known = match ApiKey::is_meant(presented) {
            true => by_key(presented, state).await?,
            false => {
                let Proof { actor, valid_until } = prover.judge(presented).await?;
                Known { actor, valid_until: Some(valid_until) }
            }
        };
        let actor = known.actor.clone();
        prover.recent.put(hash, known);
        Ok(actor)
    }
}

impl Prover {
    async fn judge(&self, token: &str) -> Result<Proof, Refusal> {
        let mut keys: Vec<VerifyingKey> = self.secret.iter().cloned().collect();
        if let Some(issuer) = &self.issuer {
            keys.extend(issuer.known().iter().cloned());
        }
        let unknown = match (verify(token, &keys, &self.rules), &self.issuer) {
            (Ok(proof), _) => return Ok(proof),
            (Err(TokenError::UnknownKey), Some(issuer)) => issuer,
            (Err(error), _) => return Err(Refusal::invalid(&error.to_string())),
        };
        let keys = unknown.renewed().await.map_err(|Unavailable| {
            Refusal::from(Problem::new(
                ProblemKind::Overloaded,
                "the keys that verify tokens cannot be had at the moment",
            ))
        })?;
        verify(token, &keys, &self.rules).map_err(|error| Refusal::invalid(&error.to_string()))
    }
}

async fn by_key(text: &str, state: &ApiState) -> Result<Known, Refusal> {
    let wrong = || Refusal::invalid("the API key is unknown, expired or revoked");
    let key = ApiKey::parse(text).ok_or_else(wrong)?;
    let mut connection = state.connection().await?;
    let found = api_keys::holder(&mut connection, &key.hash()).await.map_err(|error| of_database(&error))?;
    let holder = found.ok_or_else(wrong)?;
    let valid_until = holder.expires_at.map(|at| u64::try_from(at.unix_timestamp()).unwrap_or_default());
    Ok(Known { actor: holder.actor, valid_until })
}

/// The one credential of a request. Bearer is how both are sent; many clients can only send keys in a header of their own.
fn presented(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter().map(|value| (true, value));
    let mut keys = headers.get_all(&API_KEY).iter().map(|value| (false, value));
    let (is_bearer, value) = all.next().or_else(|| keys.next()).ok_or_else(Refusal::missing)?;
    if all.next().is_some() || keys.next().is_some() {
        return Err(Refusal::invalid("only one token or API key may be presented"));
    }
    let text = value.to_str().map_err(|_| Refusal::invalid("the token or API key must be visible ASCII"))?.trim();
    if !is_bearer {
        return match ApiKey::is_meant(text) {
            true => Ok(text),
            false => Err(Refusal::invalid("X-API-Key must be an API key")),
        };
    }
    match text.split_once(' ') {
        Some((scheme, credential)) if scheme.eq_ignore_ascii_case("Bearer") => Ok(credential.trim()),
        Some(_) | None => Err(Refusal::invalid("Authorization must be of the scheme Bearer")),
    }
}
