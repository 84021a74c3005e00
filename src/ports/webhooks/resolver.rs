//! Resolves the names of endpoints and lets nothing through that is not public. The client connects to the very addresses that were
//! looked at here, so a name that means another host a moment later (DNS rebinding) gains nothing.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use super::is_public;

/// Resolver of the client that calls endpoints.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guard {
    pub allow_private: bool,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum Forbidden {
    #[error("{name} is {address}, which is not a public address")]
    NotPublic { name: String, address: IpAddr },
    #[error("{0} has no address")]
    NoAddress(String),
}

impl Guard {
    /// All or nothing: a name with one public and one private address is up to something.
    fn admit(self, name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Forbidden> {
        if found.is_empty() {
            return Err(Forbidden::NoAddress(name.to_owned()));
        }
        match found.iter().map(SocketAddr::ip).find(|address| !self.allow_private && !is_public(*address)) {
            Some(address) => Err(Forbidden::NotPublic { name: name.to_owned(), address }),
            None => Ok(found),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = *self;
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?.collect();
            let admitted: Addrs = Box::new(guard.admit(name.as_str(), found)?.into_iter());
            Ok(admitted)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Guard = Guard { allow_private: false };

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().expect(text), 0)).collect()
    }

    #[test]
    fn one_address_that_is_not_public_is_one_too_many() {
        assert_eq!(
            STRICT.admit("a", addresses(&["8.8.8.8", "2606:4700::1"])),
            Ok(addresses(&["8.8.8.8", "2606:4700::1"]))
        );
        for bad in [
            vec!["127.0.0.1"],
            vec!["8.8.8.8", "10.0.0.1"],
            vec!["::ffff:169.254.169.254"],
            vec!["2606:4700::1", "fe80::1"],
        ] {
            assert!(matches!(STRICT.admit("a", addresses(&bad)), Err(Forbidden::NotPublic { .. })), "{bad:?}");
        }
        assert_eq!(STRICT.admit("a", Vec::new()), Err(Forbidden::NoAddress("a".to_owned())));
        assert!(Guard { allow_private: true }.admit("a", addresses(&["127.0.0.1"])).is_ok());
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_this_machine_is_refused() {
        let name = || "localhost".parse().expect("a name");
        let error = STRICT.resolve(name()).await.err().expect("refused");
        assert!(error.to_string().contains("not a public address"), "{error}");
        assert!(Guard { allow_private: true }.resolve(name()).await.is_ok());
    }
}
