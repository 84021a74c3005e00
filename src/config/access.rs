//! Who may call the API, and how often.

use std::net::IpAddr;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::outbound::given;
use crate::access::{NoQuota, Origins, Quota, TokenRules, VerifyingKey};
use crate::ports::SetupError;
use crate::ports::identity::Issuer;
use crate::ports::shared_quota::SharedQuota;

/// Whether callers must prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum AccessMode {
    /// By a token or an API key
    Required,
    /// Everybody may do everything: for tests and loads only
    Open,
}

/// How tokens are judged. Holds a secret, so it has no `Debug`.
#[derive(Args, Clone)]
#[command(next_help_heading = "Tokens")]
pub struct TokenArgs {
    /// Shared secret of tokens signed with HS256, at least 32 characters, as `openssl rand -hex 32` makes them
    #[arg(long, env, hide_env_values = true, value_name = "SECRET")]
    pub jwt_secret: Option<String>,
    /// What a token must name as its audience (aud), if anything
    #[arg(long, env, value_name = "AUDIENCE")]
    pub jwt_audience: Option<String>,
    /// What a token must name as its issuer (iss), if anything
    #[arg(long, env, value_name = "ISSUER")]
    pub jwt_issuer: Option<String>,
    /// By how many seconds clocks may differ
    #[arg(long, env, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub jwt_leeway_seconds: u64,
    /// Claim with the role (customer, operator or admin; a text or a list), with dots for a path, as in realm_access.roles
    #[arg(long, env, value_name = "CLAIM", default_value = "role")]
    pub jwt_role_claim: String,
}

impl TokenArgs {
    pub fn rules(&self) -> TokenRules {
        TokenRules {
            audience: given(self.jwt_audience.as_deref()).map(str::to_owned),
            issuer: given(self.jwt_issuer.as_deref()).map(str::to_owned),
            leeway_seconds: self.jwt_leeway_seconds,
            role_claim: self.jwt_role_claim.clone(),
        }
    }

    /// # Errors
    /// When the secret could be guessed.
    pub fn secret(&self) -> Result<Option<VerifyingKey>, SetupError> {
        let Some(secret) = given(self.jwt_secret.as_deref()) else { return Ok(None) };
        let key = VerifyingKey::secret(secret);
        key.map(Some).map_err(|weak| SetupError::option("JWT_SECRET", weak.to_string()))
    }
}

/// Who may call the API.
#[derive(Args, Clone)]
#[command(next_help_heading = "Access to the API")]
pub struct AccessArgs {
    /// Whether callers must prove who they are
    #[arg(long, env, value_enum, default_value_t = AccessMode::Required)]
    pub access: AccessMode,
    #[command(flatten)]
    pub tokens: TokenArgs,
    /// Address of an identity provider's public keys (JWKS), for tokens signed with RS256, ES256 or EdDSA
    #[arg(long, env, value_name = "URL")]
    pub jwks_url: Option<String>,
    /// Web pages of which origins may call the API (CORS), separated by commas, as in https://shop.example; * for all
    #[arg(long, env, value_name = "ORIGINS")]
    pub cors_origins: Option<Origins>,
}

impl AccessArgs {
    /// # Errors
    /// When the address of the keys cannot be used.
    pub fn issuer(&self) -> Result<Option<Issuer>, SetupError> {
        given(self.jwks_url.as_deref()).map(Issuer::new).transpose()
    }

    /// Tells in one line what is missing.
    ///
    /// # Errors
    /// When access is required and nothing can prove anything.
    pub fn check(&self) -> Result<(), SetupError> {
        let provable = given(self.tokens.jwt_secret.as_deref()).or(given(self.jwks_url.as_deref())).is_some();
        if self.access == AccessMode::Required && !provable {
            return Err(SetupError::option(
                "ACCESS",
                "is required, so JWT_SECRET (openssl rand -hex 32) or JWKS_URL must be set; or ACCESS=open where anybody may do \
                 everything",
            ));
        }
        Ok(())
    }
}

/// How often the API may be called. The address of the shared store may hold a password, so it has no `Debug`.
#[derive(Args, Clone)]
#[command(next_help_heading = "Rate limits of the API")]
pub struct RateLimitArgs {
    /// Requests of one caller (token or API key), as in 6000/60s: so many at once, and again as many per time; or off
    #[arg(long, env, value_name = "QUOTA", default_value = "6000/60s")]
    pub rate_limit_caller: Limit,
    /// Requests from one address, whoever calls
    #[arg(long, env, value_name = "QUOTA", default_value = "12000/60s")]
    pub rate_limit_address: Limit,
    /// Redis in which several processes count together, as in redis://:password@host:6379. Without it, each counts for itself
    #[arg(long, env, hide_env_values = true, value_name = "URL")]
    pub redis_url: Option<String>,
    /// Proxies that are believed whom they speak for (X-Forwarded-For), separated by commas, as in 10.0.0.0/8
    #[arg(long, env, value_name = "NETWORKS")]
    pub trusted_proxies: Option<Networks>,
}

impl RateLimitArgs {
    /// # Errors
    /// When the address of Redis cannot be read.
    pub fn shared(&self) -> Result<Option<SharedQuota>, SetupError> {
        given(self.redis_url.as_deref()).map(SharedQuota::new).transpose()
    }
}

/// A quota, or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub Option<Quota>);

impl FromStr for Limit {
    type Err = NoQuota;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" { Ok(Self(None)) } else { text.parse().map(|quota| Self(Some(quota))) }
    }
}

/// Networks, or single addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<IpNet>);

impl FromStr for Networks {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let one = |text: &str| {
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| "must be networks or addresses, as in 10.0.0.0/8,192.0.2.7")
        };
        text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(one).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_networks_or_addresses() {
        let networks: Networks = "10.0.0.0/8,192.0.2.7, ::1".parse().expect("networks");
        assert_eq!(networks.0.len(), 3);
        assert!(networks.0[1].contains(&"192.0.2.7".parse::<std::net::IpAddr>().expect("an address")));
        assert!("proxy.example".parse::<Networks>().is_err());
    }
}
