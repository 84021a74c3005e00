//! The HTTP client of order-api (`/api/v1`). Every command that reads or writes orders over HTTP goes through it.

use std::error::Error as _;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::error::{Error, Problem};

/// A cut-off for `Retry-After`: who asks for more is answered by the user, not by a silent wait.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);
/// First and longest pause between tries when the API asks for none: about one accept, and about one restart.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
const EVENT_STREAM: &str = "text/event-stream";
/// Far above the patience of any command that reads a stream.
const LONGEST_STREAM: Duration = Duration::from_secs(24 * 60 * 60);
/// How much of a foreign answer is quoted.
const QUOTE: usize = 60;

pub struct Client {
    http: reqwest::Client,
    base: Url,
    timeout: Duration,
}

/// A 2xx answer.
pub struct Answer {
    pub body: String,
    /// The API had seen the idempotency key before and gave its first answer again.
    pub replayed: bool,
}

impl Client {
    /// `token` proves who calls; `timeout` bounds each request, connecting included.
    ///
    /// # Errors
    /// [`Error::Input`] when `base` is no http address, or the token cannot be one.
    pub fn new(base: &str, token: Option<&str>, timeout: Duration) -> Result<Self, Error> {
        let wrong = |why: &str| Error::Input(format!("--api-url {why}, as in http://127.0.0.1:8080"));
        let base = Url::parse(base).map_err(|_| wrong("must be an address"))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(wrong("must start with http:// or https://"));
        }
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let wrong = |_| Error::Input("--access-token (ORDERS_TOKEN) must be visible ASCII".to_owned());
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(wrong)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = reqwest::Client::builder()
            .default_headers(headers)
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("orders/", env!("CARGO_PKG_VERSION")));
        if base.scheme() == "http" {
            // A minimal system has no root certificates, and plain HTTP needs none.
            builder = builder.tls_certs_only([]);
        }
        if matches!(base.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")) {
            // A proxy of the environment cannot mean this machine.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| Error::Input(format!("no HTTP client: {}", innermost(&error))))?;
        Ok(Self { http, base, timeout })
    }

    /// The API's address without a password.
    pub fn address(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// The body of a 200 answer.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unreachable`] or [`Error::NotTheApi`].
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<String, Error> {
        let url = self.url_with(path, query)?;
        Ok(self.send(self.http.request(Method::GET, url)).await?.body)
    }

    /// A stream of server-sent events after a position; `None` when the answer is something else.
    ///
    /// # Errors
    /// [`Error::Refused`] or [`Error::Unreachable`].
    pub async fn events(&self, path: &[&str], after: Option<i64>) -> Result<Option<reqwest::Response>, Error> {
        let mut request = self.http.get(self.url(path)?).header(ACCEPT, EVENT_STREAM);
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        // the stream may last; its answer may not
        let sending = timeout(self.timeout, request.timeout(LONGEST_STREAM).send()).await;
        let response = match sending {
            Ok(sent) => sent.map_err(|error| self.unreachable(&error))?,
            Err(_) => return Ok(None),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        if !status.is_success() {
            let body = response.text().await.map_err(|error| self.unreachable(&error))?;
            return Err(self.refusal(status, &headers, &body));
        }
        let is_stream = text(&headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with(EVENT_STREAM));
        Ok(is_stream.then_some(response))
    }

    /// The body of a 200 answer to DELETE.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn delete(&self, path: &[&str], query: &[(&str, String)]) -> Result<String, Error> {
        let url = self.url_with(path, query)?;
        Ok(self.send(self.http.request(Method::DELETE, url)).await?.body)
    }

    /// Sends a CSV file.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post_csv(&self, path: &[&str], query: &[(&str, String)], file: Vec<u8>) -> Result<String, Error> {
        let url = self.url_with(path, query)?;
        let request = self.http.request(Method::POST, url).header(CONTENT_TYPE, "text/csv");
        Ok(self.send(request.body(file)).await?.body)
    }

    /// Sends a JSON body once.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post(&self, path: &[&str], body: String, key: Option<&str>) -> Result<Answer, Error> {
        let mut request = self.http.request(Method::POST, self.url(path)?).header(CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(request.body(body)).await
    }

    /// Sends a change as JSON.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn patch(&self, path: &[&str], body: String) -> Result<Answer, Error> {
        let request = self.http.request(Method::PATCH, self.url(path)?).header(CONTENT_TYPE, "application/json");
        self.send(request.body(body)).await
    }

    /// Sends a JSON body up to `retries` times more while the API is overloaded or away; the key makes that safe.
    ///
    /// # Errors
    /// As [`Client::get`], from the last try.
    pub async fn post_with_retries(
        &self,
        path: &[&str],
        body: &str,
        key: &str,
        retries: usize,
    ) -> Result<Answer, Error> {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(BACKOFF.0)
            .with_max_delay(BACKOFF.1)
            .with_max_times(retries)
            .with_jitter();
        (|| self.post(path, body.to_owned(), Some(key)))
            .retry(backoff)
            .when(|error| error.retry().is_some_and(|wait| wait <= LONGEST_RETRY_AFTER))
            .adjust(|error, pause| Some(pause?.max(error.retry()?)))
            .await
    }

    /// Reads a body as `T`.
    ///
    /// # Errors
    /// [`Error::NotTheApi`] when it is something else.
    pub fn read<T: DeserializeOwned>(&self, body: &str) -> Result<T, Error> {
        serde_json::from_str(body).map_err(|error| self.foreign(&format!("{error} in {}", quote(body))))
    }

    fn url(&self, path: &[&str]) -> Result<Url, Error> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Input("--api-url must be an address with a host".to_owned()))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path);
        Ok(url)
    }

    fn url_with(&self, path: &[&str], query: &[(&str, String)]) -> Result<Url, Error> {
        let mut url = self.url(path)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, Error> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.text().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            let replayed = text(&headers, "idempotency-replayed").is_some_and(|value| value == "true");
            return Ok(Answer { body, replayed });
        }
        Err(self.refusal(status, &headers, &body))
    }

    fn refusal(&self, status: StatusCode, headers: &HeaderMap, body: &str) -> Error {
        let is_problem =
            text(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("application/problem+json"));
        let problem = if is_problem { serde_json::from_str::<Problem>(body).ok() } else { None };
        let retry_after = text(headers, RETRY_AFTER.as_str()).and_then(|seconds| seconds.parse().ok());
        match problem {
            Some(problem) => Error::Refused(Box::new(Problem {
                status: status.as_u16(),
                retry_after,
                correlation_id: text(headers, "x-correlation-id").map(str::to_owned),
                ..problem
            })),
            // Load balancers in front of the API shed load in their own words.
            None if matches!(status.as_u16(), 429 | 503) => Error::Refused(Box::new(Problem {
                kind: "/problems/overloaded".to_owned(),
                title: status.to_string(),
                status: status.as_u16(),
                retry_after,
                ..Problem::default()
            })),
            None => self.foreign(&format!("{status} {}", quote(body))),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        let cause = if error.is_timeout() {
            format!("no answer within {} s", self.timeout.as_secs_f32())
        } else {
            innermost(error)
        };
        Error::Unreachable { at: self.address(), cause }
    }

    fn foreign(&self, found: &str) -> Error {
        Error::NotTheApi { at: self.address(), found: found.trim_end().to_owned() }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The last error of the chain: the one with the operating system's words, without addresses and their passwords.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(next) = cause.and_then(|inner| inner.source()) {
        cause = Some(next);
    }
    cause.map_or_else(|| "the request failed".to_owned(), ToString::to_string)
}

fn quote(body: &str) -> String {
    let line: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > QUOTE { format!("{}…", line.chars().take(QUOTE).collect::<String>()) } else { line }
}
