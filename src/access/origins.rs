//! Which pages of the web may call the API from a browser (CORS).

use std::str::FromStr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// All pages.
    Any,
    /// Those of these origins, written as browsers send them; none when empty.
    These(Vec<String>),
}

impl Default for Origins {
    fn default() -> Self {
        Self::These(Vec::new())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be origins without a path, in small letters, as in https://shop.example,https://admin.shop.example, or *"
)]
pub struct NoOrigin;

impl FromStr for Origins {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let all = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        all.map(|text| if is_origin(text) { Ok(text.to_owned()) } else { Err(NoOrigin) })
            .collect::<Result<_, _>>()
            .map(Self::These)
    }
}

/// Scheme, host and perhaps a port: nothing else would ever be equal to what a browser sends (RFC 6454, 6.2).
fn is_origin(text: &str) -> bool {
    let Some(host) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    !host.is_empty()
        && host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b':' | b'[' | b']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let these = |origins: &[&str]| Origins::These(origins.iter().map(|&origin| origin.to_owned()).collect());
        assert_eq!(
            "https://shop.example, http://127.0.0.1:8000".parse(),
            Ok(these(&["https://shop.example", "http://127.0.0.1:8000"]))
        );
        assert_eq!("*".parse(), Ok(Origins::Any));
        assert_eq!("".parse(), Ok(Origins::default()));
        for wrong in [
            "shop.example",
            "https://shop.example/",
            "https://Shop.example",
            "https://",
            "ftp://shop.example",
            "null",
            "*,https://a.example",
        ] {
            assert_eq!(wrong.parse::<Origins>(), Err(NoOrigin), "{wrong}");
        }
    }
}
