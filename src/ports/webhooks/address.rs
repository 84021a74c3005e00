//! Which addresses a partner may have us call. An endpoint inside of our own network would let whoever may register endpoints reach
//! what only we can reach (server-side request forgery), so only public addresses are called, and by https.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// What is allowed beyond https to public addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressRules {
    pub allow_http: bool,
    /// Private, loopback and other addresses that are not public: for tests, or where all partners are in-house.
    pub allow_private: bool,
}

/// An address that may be called, as far as it can be said before its name is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl(Url);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    #[error("must be an address as in https://partner.example/webhooks")]
    NotAnAddress,
    #[error("must have at most {} characters", EndpointUrl::MAX)]
    TooLong,
    #[error("must begin with https://")]
    Scheme,
    #[error("must not contain a user or a password")]
    Credentials,
    #[error("must not contain a fragment (#…)")]
    Fragment,
    #[error("must not name a host of a local network: {0}")]
    LocalName(String),
    #[error("must not be an address that is not public: {0}")]
    NotPublic(IpAddr),
}

/// Names that never mean a public host (RFC 6761, RFC 6762, RFC 8375, and `.internal`, which ICANN has set aside).
const LOCAL_ZONES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];

impl EndpointUrl {
    /// Longest address in characters; some servers take no longer ones.
    pub const MAX: usize = 2048;

    /// Read as browsers read addresses (WHATWG), so that `0x7f.1` and `2130706433` are seen for the 127.0.0.1 that they are.
    ///
    /// # Errors
    /// [`InvalidUrl`] names the first rule that it breaks.
    pub fn parse(text: &str, rules: AddressRules) -> Result<Self, InvalidUrl> {
        if text.chars().count() > Self::MAX {
            return Err(InvalidUrl::TooLong);
        }
        // the parser would drop them in silence
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidUrl::NotAnAddress);
        }
        let url = Url::parse(text).map_err(|_| InvalidUrl::NotAnAddress)?;
        match url.scheme() {
            "https" => {}
            "http" if rules.allow_http => {}
            _ => return Err(InvalidUrl::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl::Credentials);
        }
        if url.fragment().is_some() {
            return Err(InvalidUrl::Fragment);
        }
        match url.host().ok_or(InvalidUrl::NotAnAddress)? {
            _ if rules.allow_private => {}
            Host::Ipv4(address) => check(address.into())?,
            Host::Ipv6(address) => check(address.into())?,
            Host::Domain(name) if is_local(name) => return Err(InvalidUrl::LocalName(name.to_owned())),
            Host::Domain(_) => {}
        }
        Ok(Self(url))
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}

/// Scheme, host and port only: path and query of an endpoint often hold a secret of the partner's.
impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

fn check(address: IpAddr) -> Result<(), InvalidUrl> {
    if is_public(address) { Ok(()) } else { Err(InvalidUrl::NotPublic(address)) }
}

fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let within = |zone: &str| name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    // a name without a dot is completed by the search list of our own network
    !name.contains('.') || LOCAL_ZONES.into_iter().any(within)
}

/// Network and length of its prefix: what is not globally reachable (IANA IPv4 Special-Purpose Address Registry), multicast, the
/// reserved rest, and one public address that means the host's own metadata (168.63.129.16 on Azure; those of the other clouds are
/// link-local, shared or private).
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only part of IPv6 that is given out for global unicast (RFC 4291, 2.4), and within it what is not globally reachable or
/// hides an IPv4 address: protocol assignments with Teredo and ORCHID, documentation, 6to4 (IANA IPv6 Special-Purpose Address
/// Registry).
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];
/// An IPv4 address behind a translator (RFC 6052): as public as that address.
const TRANSLATED: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether anybody on the Internet has this address, rather than somebody in our own network.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4.into_iter().any(|(network, length)| {
            let shift = u32::BITS - length;
            address.to_bits() >> shift == network.to_bits() >> shift
        }),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => is_public(inner.into()),
            None => within_v6(address, GLOBAL_V6) && !NOT_PUBLIC_V6.into_iter().any(|range| within_v6(address, range)),
        },
    }
}

/// The IPv4 address that is reached by this one: v4-mapped (`::ffff:a.b.c.d`) or translated.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., high, low] = address.segments();
    let translated = || Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    address.to_ipv4_mapped().or_else(|| within_v6(address, TRANSLATED).then(translated))
}

fn within_v6(address: Ipv6Addr, (network, length): (Ipv6Addr, u32)) -> bool {
    let shift = u128::BITS - length;
    address.to_bits() >> shift == network.to_bits() >> shift
}

#[cfg(test)]
mod tests;
