//! Reads query parameters and collects every fault, as bodies are read. Called by the handlers that list and count.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use utoipa::IntoParams;

use super::problem::Problem;
use crate::contract::FieldError;

/// Entries of a page: the default, and what may be asked for.
pub(super) const PAGE: (i64, RangeInclusive<i64>) = (50, 1..=200);

/// How the parameters of every list look in its description.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "handlers read them one by one; this is for the document")]
pub(super) struct PageParameters {
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
    /// Most entries of the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// The parameters of one request. Ask for each, then [`Parameters::finish`].
#[derive(Debug)]
pub(super) struct Parameters {
    given: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Query(given) =
            Query::try_from_uri(&parts.uri).map_err(|error| Problem::validation(vec![fault("", error.body_text())]))?;
        Ok(Self { given, errors: Vec::new() })
    }
}

impl Parameters {
    /// An optional parameter that `parse` accepts. An empty value is one, too: a filter that a script left empty by mistake must not
    /// show everything.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let mut values =
            self.given.extract_if(.., |(given, _)| given == name).map(|(_, value)| value).collect::<Vec<_>>();
        if values.len() > 1 {
            self.errors.push(fault(name, "must be given only once"));
            return None;
        }
        let value = values.pop()?;
        parse(&value).map_err(|error| self.errors.push(fault(name, error))).ok()
    }

    /// A whole number within a range, or the default.
    pub(super) fn whole<N>(&mut self, name: &str, (default, range): (N, RangeInclusive<N>)) -> N
    where
        N: FromStr + PartialOrd + Display,
    {
        let number = self.optional(name, |text| match text.parse::<N>() {
            Ok(number) if range.contains(&number) => Ok(number),
            Ok(_) | Err(_) => Err(format!("must be a whole number from {} to {}", range.start(), range.end())),
        });
        number.unwrap_or(default)
    }

    /// # Errors
    /// Every parameter at fault, those that nobody asked for included: they are usually misspelled.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        self.errors.extend(self.given.iter().map(|(name, _)| fault(name, "is not a known parameter")));
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::validation(self.errors)) }
    }
}

/// Query parameters have no place in a body: they are named as if they were fields of one object.
fn fault(name: &str, detail: impl Display) -> FieldError {
    FieldError { pointer: format!("/{name}"), detail: format!("query parameter: {detail}") }
}
