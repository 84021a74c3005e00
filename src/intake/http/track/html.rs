//! The page's templates under `templates/track`, built into the binary, and the headers under which they are sent.

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::{Environment, UndefinedBehavior, Value, context};

use super::assets;
use crate::intake::http::problem::{Problem, ProblemKind};

/// Nothing from elsewhere, nothing inline, in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The address is a secret: no other site and no search engine shall learn it, and nobody keeps the page.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

static TEMPLATES: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_template("layout.html", include_str!("../../../../templates/track/layout.html"))?;
    environment.add_template("page.html", include_str!("../../../../templates/track/page.html"))?;
    environment.add_template("notice.html", include_str!("../../../../templates/track/notice.html"))?;
    Ok(environment)
});

/// A rendered page.
pub(super) fn answer(status: StatusCode, template: &str, values: Value) -> Response {
    match render(template, values) {
        Ok(page) => {
            (status, HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value))), Html(page)).into_response()
        }
        Err(error) => {
            tracing::error!(%error, template, "a page cannot be rendered");
            Problem::new(ProblemKind::Internal, "the page cannot be shown").into_response()
        }
    }
}

/// A page that says one thing; with `again` it asks again by itself.
pub(super) fn notice(status: StatusCode, title: &str, text: &str, again: bool) -> Response {
    let mut response = answer(status, "notice.html", context! { title, text, again });
    if again {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

fn render(template: &str, values: Value) -> Result<String, minijinja::Error> {
    let templates = TEMPLATES.as_ref().map_err(|error| {
        minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, format!("a template does not parse: {error}"))
    })?;
    templates.get_template(template)?.render(context! { version => assets::version(), ..values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_parse_and_what_they_show_is_escaped() {
        let page = render("notice.html", context! { title => "<b>", text => "a & b", again => true }).expect("renders");
        assert!(page.contains("&lt;b&gt;") && page.contains("a &amp; b") && page.contains("http-equiv"), "{page}");
    }
}
