//! Which SMTP server, reached how: reads `SMTP_URL` and opens connections. Used by [`super::SmtpMailer`] only.

use std::fmt;
use std::path::Path;

use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT};
use reqwest::Url;

use crate::ports::outbound::SetupError;

/// An SMTP server with all that is needed to reach it. `Display` and `Debug` leave the credentials out.
pub struct Server {
    host: String,
    port: u16,
    tls: Tls,
    credentials: Option<Credentials>,
}

impl Server {
    /// Reads `smtp://[user:password@]host[:port][?tls=required|opportunistic]` or `smtps://…`; user and password are
    /// percent-encoded. Without a port: 25, 587 with `tls`, 465 for smtps (RFC 8314).
    ///
    /// # Errors
    /// [`SetupError`] names the part that cannot be used, never the credentials.
    pub fn parse(url: &str, ca_file: Option<&Path>) -> Result<Self, SetupError> {
        let option = "SMTP_URL";
        let url = Url::parse(url).map_err(|error| SetupError::option(option, error.to_string()))?;
        let host = url.host_str().filter(|host| !host.is_empty());
        // An IPv6 address has brackets in a URL, and none where names are resolved and certificates checked.
        let host = host.map(|host| host.trim_matches(['[', ']']).to_owned());
        let host = host.ok_or_else(|| SetupError::option(option, "has no host"))?;
        let mode = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value.into_owned());
        let (tls, usual_port) = match (url.scheme(), mode.as_deref()) {
            ("smtp", None) => (Tls::None, SMTP_PORT),
            ("smtp", Some("required")) => (Tls::Required(tls_parameters(&host, ca_file)?), SUBMISSION_PORT),
            ("smtp", Some("opportunistic")) => (Tls::Opportunistic(tls_parameters(&host, ca_file)?), SUBMISSION_PORT),
            ("smtps", None) => (Tls::Wrapper(tls_parameters(&host, ca_file)?), SUBMISSIONS_PORT),
            _ => return Err(SetupError::option(option, "must be smtp://, smtp://…?tls=required or smtps://")),
        };
        let credentials = match url.password() {
            Some(password) => Some(Credentials::new(decoded(url.username())?, decoded(password)?)),
            None if url.username().is_empty() => None,
            None => return Err(SetupError::option(option, "names a user without a password")),
        };
        Ok(Self { port: url.port().unwrap_or(usual_port), host, tls, credentials })
    }

    /// Whether a password would cross the network readable.
    pub fn sends_password_in_clear(&self) -> bool {
        let local = matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        self.credentials.is_some() && !local && matches!(self.tls, Tls::None | Tls::Opportunistic(_))
    }

    /// A connection greeted, encrypted and authenticated. The caller bounds its time.
    pub(super) async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let hello = ClientId::default();
        let wrapper = match &self.tls {
            Tls::Wrapper(parameters) => Some(parameters.clone()),
            Tls::None | Tls::Opportunistic(_) | Tls::Required(_) => None,
        };
        let address = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(address, None, &hello, wrapper, None).await?;
        match &self.tls {
            Tls::Required(parameters) => connection.starttls(parameters.clone(), &hello).await?,
            Tls::Opportunistic(parameters) if connection.can_starttls() => {
                connection.starttls(parameters.clone(), &hello).await?;
            }
            Tls::None | Tls::Opportunistic(_) | Tls::Wrapper(_) => {}
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let security = match self.tls {
            Tls::None => "without encryption",
            Tls::Opportunistic(_) => "STARTTLS if offered",
            Tls::Required(_) => "STARTTLS",
            Tls::Wrapper(_) => "TLS",
        };
        write!(f, "{}:{} ({security})", self.host, self.port)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The public roots, and a private authority beside them where one is given.
fn tls_parameters(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, SetupError> {
    let option = "--smtp-ca-file";
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|source| SetupError::File { option, path: path.to_owned(), source })?;
        let authority = Certificate::from_pem(&pem).map_err(|error| SetupError::option(option, error.to_string()))?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build().map_err(|error| SetupError::option("SMTP_URL", error.to_string()))
}

/// Undoes the percent-encoding of a URL's user or password (RFC 3986, 2.1).
fn decoded(text: &str) -> Result<String, SetupError> {
    let broken = || SetupError::option("SMTP_URL", "has a user or password that is not percent-encoded UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_at_checked(2).ok_or_else(broken)?;
            let digits = std::str::from_utf8(digits).map_err(|_| broken())?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| broken())?);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| broken())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_address_says_how_it_is_encrypted_and_never_the_password() {
        for (url, shown) in [
            ("smtp://mail.example", "mail.example:25 (without encryption)"),
            ("smtp://mail.example?tls=required", "mail.example:587 (STARTTLS)"),
            ("smtp://u:s%40cret@mail.example:2525?tls=opportunistic", "mail.example:2525 (STARTTLS if offered)"),
            ("smtps://u:s%40cret@mail.example", "mail.example:465 (TLS)"),
            ("smtp://[::1]:2525", "::1:2525 (without encryption)"),
        ] {
            let server = Server::parse(url, None).expect(url);
            assert_eq!(server.to_string(), shown);
            assert_eq!(format!("{server:?}"), shown);
        }
    }

    #[test]
    fn a_wrong_address_is_refused_without_repeating_its_password() {
        for url in
            ["", "mail.example", "http://u:s3cret@h", "smtp://u:s3cret@h?tls=maybe", "smtp://u@h", "smtp://u:%zz@h"]
        {
            let problem = Server::parse(url, None).expect_err(url).to_string();
            assert!(problem.starts_with("SMTP_URL") && !problem.contains("s3cret"), "{problem}");
        }
    }

    #[test]
    fn a_password_in_clear_is_noticed_unless_it_stays_on_the_machine() {
        let clear = |url| Server::parse(url, None).expect(url).sends_password_in_clear();
        assert!(clear("smtp://u:p@mail.example"));
        assert!(!clear("smtp://u:p@127.0.0.1"));
        assert!(!clear("smtps://u:p@mail.example"));
    }

    #[test]
    fn percent_encoding_is_undone_bytewise() {
        assert_eq!(decoded("a%2Bb%C3%A9+").expect("decodes"), "a+bé+");
        for bad in ["%", "%2", "%ff"] {
            assert!(decoded(bad).is_err(), "{bad}");
        }
    }
}
