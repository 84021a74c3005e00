//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::HeaderName;
use axum::http::request::Parts;
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The caller's address: the peer's, or behind proxies that are trusted the last one that none of them is. `None` where there is no
/// connection, as in a test of the router alone.
///
/// Of IPv6 the network only: whoever has one address there usually has 2^64.
pub(super) fn of(parts: &Parts, trusted: &[IpNet]) -> Option<IpAddr> {
    let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = peer.ip().to_canonical();
    if is_trusted(&address) {
        let told = parts.headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let told: Vec<&str> = told.flat_map(|value| value.split(',')).map(str::trim).collect();
        // each proxy appends whom it heard: from the end back to the first that is not ours
        for hop in told.into_iter().rev() {
            let Ok(hop) = hop.parse::<IpAddr>() else { break };
            address = hop.to_canonical();
            if !is_trusted(&address) {
                break;
            }
        }
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    })
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn address(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut request = Request::builder();
        for value in forwarded {
            request = request.header(FORWARDED_FOR, *value);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        parts.extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().expect("an address"), 4711)));
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().expect("a network")).collect();
        of(&parts, &trusted).expect("an address").to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies = ["10.0.0.0/8", "::ffff:0:0/96"];
        assert_eq!(address("192.0.2.7", &["198.51.100.1"], &[]), "192.0.2.7");
        assert_eq!(address("192.0.2.7", &["198.51.100.1"], &proxies), "192.0.2.7");
        assert_eq!(address("10.0.0.1", &[], &proxies), "10.0.0.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.1"], &proxies), "198.51.100.1");
        // what the caller has written there itself stands before what the proxies append
        assert_eq!(address("10.0.0.1", &["203.0.113.9, 198.51.100.1", "10.0.0.2"], &proxies), "198.51.100.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.1, nonsense"], &proxies), "10.0.0.1");
        assert_eq!(address("::ffff:10.0.0.1", &["198.51.100.1"], &proxies), "198.51.100.1");
    }

    #[test]
    fn of_ipv6_the_network_counts() {
        assert_eq!(address("2001:db8:1:2:3:4:5:6", &[], &[]), "2001:db8:1:2::");
    }
}
