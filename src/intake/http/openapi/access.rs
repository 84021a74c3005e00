//! Who may call what, in the OpenAPI document: from the table of permissions.

use axum::http::Method;
use serde_json::json;
use utoipa::openapi::Components;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

use super::super::permissions::{Reach, Ruling, ruling};
use super::super::problem::ProblemKind;

/// Names of the two ways to prove who one is.
const TOKEN: &str = "token";
const KEY: &str = "apiKey";

pub(super) fn describe(components: &mut Components) {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(
        "A token of the shop's login, or one that `order-api token` minted. An API key is taken here, too.",
    ));
    let key = ApiKeyValue::with_description("X-API-Key", "The API key of a program.");
    components.security_schemes.insert(TOKEN.to_owned(), SecurityScheme::Http(token.build()).into());
    components.security_schemes.insert(KEY.to_owned(), SecurityScheme::ApiKey(ApiKey::Header(key)).into());
}

/// Adds who may call an operation; answers the problems that follow from it.
pub(super) fn require(method: &Method, path: &str, operation: &mut Operation) -> Vec<ProblemKind> {
    let mut kinds = vec![ProblemKind::RateLimited];
    let Ruling::Rule(rule) = ruling(method, path) else { return kinds };
    let Some(least) = rule.least else {
        operation.security = Some(vec![SecurityRequirement::default()]);
        return kinds;
    };
    let scopes: [&str; 0] = [];
    operation.security = Some([TOKEN, KEY].map(|scheme| SecurityRequirement::new(scheme, scopes)).to_vec());
    let role = ExtensionsBuilder::new().add("x-least-role", json!(least)).build();
    match &mut operation.extensions {
        Some(extensions) => extensions.merge(role),
        none => *none = Some(role),
    }
    kinds.push(ProblemKind::Unauthenticated);
    if least > crate::access::Role::Customer || rule.reach == Reach::Narrowed {
        kinds.push(ProblemKind::Forbidden);
    }
    kinds
}
