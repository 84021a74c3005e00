//! Where customers find the API.

use std::str::FromStr;

use clap::Args;
use reqwest::Url;

#[derive(Args, Clone, Debug)]
pub struct PublicArgs {
    /// Address of order-api as customers reach it, as in https://shop.example: begins the tracking links in mails and answers.
    /// Without it mails have no link.
    #[arg(long, env = "PUBLIC_URL", value_name = "URL")]
    public_url: Option<PublicUrl>,
}

impl PublicArgs {
    /// An empty variable counts as none.
    pub fn url(&self) -> Option<Url> {
        self.public_url.as_ref().and_then(|address| address.0.clone())
    }
}

/// An address to which a path can be added, or nothing.
#[derive(Clone, Debug)]
struct PublicUrl(Option<Url>);

impl FromStr for PublicUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let url = Url::parse(text).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        url.map(|url| Self(Some(url))).ok_or("must be an address as in https://shop.example")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_a_path_can_be_added_to_is_taken() {
        for good in ["https://shop.example", "http://127.0.0.1:8080/orders/", ""] {
            assert!(good.parse::<PublicUrl>().is_ok(), "{good}");
        }
        for bad in
            ["shop.example", "ftp://shop.example", "https://shop.example/?a=b", "https://shop.example/#a", "mailto:a@b"]
        {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }
}
