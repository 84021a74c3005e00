//! The kinds of problem, and all that is said of each: status, address, title, what it means and what to do. A new kind is a
//! variant; the compiler asks for the rest, and its page and its place in the OpenAPI document follow.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, in the terms of the API's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    MalformedBody,
    InvalidSignature,
    Validation,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    IllegalTransition,
    PriceChanged,
    IdempotencyKeyReused,
    IdempotencyKeyInFlight,
    BodyTooLarge,
    UnsupportedMediaType,
    RateLimited,
    Overloaded,
    Timeout,
    Internal,
}

impl ProblemKind {
    pub const ALL: [Self; 18] = [
        Self::MalformedBody,
        Self::InvalidSignature,
        Self::Validation,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::IllegalTransition,
        Self::PriceChanged,
        Self::IdempotencyKeyReused,
        Self::IdempotencyKeyInFlight,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::RateLimited,
        Self::Overloaded,
        Self::Timeout,
        Self::Internal,
    ];

    /// The `type` of the problem: the address of its page.
    pub fn uri(self) -> String {
        format!("/problems/{}", self.slug())
    }

    pub fn slug(self) -> &'static str {
        match self {
            Self::MalformedBody => "malformed-body",
            Self::InvalidSignature => "invalid-signature",
            Self::Validation => "validation",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Conflict => "conflict",
            Self::IllegalTransition => "illegal-transition",
            Self::PriceChanged => "price-changed",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::IdempotencyKeyInFlight => "idempotency-key-in-flight",
            Self::BodyTooLarge => "body-too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::RateLimited => "rate-limited",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }

    pub fn status(self) -> StatusCode {
        match self {
            Self::MalformedBody => StatusCode::BAD_REQUEST,
            Self::InvalidSignature | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Validation | Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict | Self::IllegalTransition | Self::PriceChanged | Self::IdempotencyKeyInFlight => {
                StatusCode::CONFLICT
            }
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::MalformedBody => "The body cannot be read",
            Self::InvalidSignature => "The signature is not right",
            Self::Validation => "Some values are not acceptable",
            Self::Unauthenticated => "It is not known who calls",
            Self::Forbidden => "The caller may not do this",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "The method is not allowed here",
            Self::Conflict => "The request conflicts with the present state",
            Self::IllegalTransition => "The order's state does not allow this",
            Self::PriceChanged => "The price has changed",
            Self::IdempotencyKeyReused => "The idempotency key belongs to another request",
            Self::IdempotencyKeyInFlight => "A request with this idempotency key is in progress",
            Self::BodyTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The body is of another type than is read here",
            Self::RateLimited => "Too many requests",
            Self::Overloaded => "The service is busy or waits for its database",
            Self::Timeout => "The request took too long",
            Self::Internal => "Something is broken on our side",
        }
    }

    /// Seconds after which asking again makes sense: a key in flight is answered within moments, an outage is not over sooner.
    pub fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::IdempotencyKeyInFlight | Self::RateLimited => Some("1"),
            Self::Overloaded | Self::Timeout => Some("2"),
            Self::MalformedBody
            | Self::InvalidSignature
            | Self::Validation
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Conflict
            | Self::IllegalTransition
            | Self::PriceChanged
            | Self::IdempotencyKeyReused
            | Self::BodyTooLarge
            | Self::UnsupportedMediaType
            | Self::Internal => None,
        }
    }

    /// What happened, for the problem's page.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::MalformedBody => "The body is not UTF-8, or not JSON, or broke off before its end.",
            Self::InvalidSignature => {
                "The request does not prove that it comes from the payment gateway: a header of its signature is missing, the \
                 signature is made with another secret or over another body, or it is more than five minutes old."
            }
            Self::Validation => {
                "The request was understood, but some of its values are not acceptable: a rule is broken, a field is missing or \
                 unknown, or the catalogue does not agree. The answer lists every value at fault under `errors`, with a JSON \
                 pointer to it; header fields and query parameters are named as if they were fields of one object."
            }
            Self::Unauthenticated => {
                "No token or API key was presented, or it proves nothing: it is unknown, expired or revoked, its signature is wrong, or \
                 a claim is missing. The header `WWW-Authenticate` says so, too."
            }
            Self::Forbidden => "It is known who calls, but this needs another role, or belongs to somebody else.",
            Self::NotFound => "There is nothing under this path or with this id.",
            Self::MethodNotAllowed => "The path exists, but not for this method.",
            Self::Conflict => "What is there already forbids it. Nothing was changed.",
            Self::IllegalTransition => {
                "The order is in a state from which it cannot become what was asked for: what is shipped cannot be cancelled, and \
                 what is not confirmed cannot be shipped. `current_status` (with `current_step` while the order is at work) says \
                 where it stands, `allowed_statuses` what may be asked for instead. Nothing was changed."
            }
            Self::PriceChanged => {
                "The catalogue asks another price than the order's `expected_price`, or than that of one of its lines. `errors` \
                 names each with the price of today. Everything else about the order is right. No order was made."
            }
            Self::IdempotencyKeyReused => {
                "A request with this `Idempotency-Key` was answered before, and its body was another one. Nothing was changed."
            }
            Self::IdempotencyKeyInFlight => {
                "A request with this `Idempotency-Key` has arrived and is not answered yet."
            }
            Self::BodyTooLarge => "The body has more bytes than any request needs. It was not looked at.",
            Self::UnsupportedMediaType => {
                "The header `Content-Type` does not say that the body is JSON, or CSV where a file is imported."
            }
            Self::RateLimited => {
                "This caller, or this address, has used up its quota. The headers `RateLimit-Policy` and `RateLimit` say what it is \
                 and what is left. Nothing was changed."
            }
            Self::Overloaded => {
                "The service has more to do than it can take on at the moment, or its database is away. Nothing was changed."
            }
            Self::Timeout => "The request was not finished in time. Whether it had an effect is not known.",
            Self::Internal => "An error of the service itself. It was logged under the answer's `X-Correlation-Id`.",
        }
    }

    /// What a client can do about it, for the problem's page.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::MalformedBody => "Send one JSON object in UTF-8; `detail` says where reading failed.",
            Self::InvalidSignature => {
                "Sign `id.timestamp.body` as Standard Webhooks has it, with a secret that order-api was given in \
                 PAYMENT_WEBHOOK_SECRETS, and look at the clocks."
            }
            Self::Validation => "Mend the values under `errors` and send the request again.",
            Self::Unauthenticated => {
                "Send `Authorization: Bearer` with a token of the shop's login or an API key, or the key in `X-API-Key`. A token that has \
                 expired must be renewed where it came from."
            }
            Self::Forbidden => "Ask an admin for the role that `detail` names, or use the account that it belongs to.",
            Self::NotFound => {
                "Look at the path and the id. What was never created, or is not for you to see, looks the same."
            }
            Self::MethodNotAllowed => "Use one of the methods in the header `Allow`.",
            Self::Conflict => "Ask for the present state, decide again, and send what is possible now.",
            Self::IllegalTransition => "Ask for one of `allowed_statuses`, or leave the order as it is.",
            Self::PriceChanged => {
                "Show the customer the new price, and order again with it, or without `expected_price`."
            }
            Self::IdempotencyKeyReused => {
                "Use a new key for a new request. To repeat a request, send the very same bytes."
            }
            Self::IdempotencyKeyInFlight => {
                "Send the same request again after `Retry-After` seconds; it gets the first one's answer."
            }
            Self::BodyTooLarge => "Send less at once; `detail` says how many bytes are taken.",
            Self::UnsupportedMediaType => "Send `Content-Type: application/json`; with an imported file `text/csv`.",
            Self::RateLimited => {
                "Wait for `Retry-After` seconds, and spread requests so that `RateLimit` keeps above zero."
            }
            Self::Overloaded => "Send the same request again after `Retry-After` seconds, and wait longer each time.",
            Self::Timeout => {
                "Send the same request again after `Retry-After` seconds. With the same `Idempotency-Key` an order is never made \
                 twice."
            }
            Self::Internal => "Tell the operator the correlation id. To send the same request again does no harm.",
        }
    }

    /// What `detail` may say.
    pub fn example(self) -> &'static str {
        match self {
            Self::MalformedBody => "the body is not JSON: expected `,` or `}` at line 1 column 27",
            Self::InvalidSignature => "none of the signatures is right",
            Self::Validation => "one value is at fault",
            Self::Unauthenticated => "the token has expired",
            Self::Forbidden => "this needs the role operator",
            Self::NotFound => "no order has this id",
            Self::MethodNotAllowed => "the path exists, but not for this method; see the header Allow",
            Self::Conflict => "a product with this sku exists already",
            Self::IllegalTransition => "the order is shipped and cannot become cancelled: it may become delivered",
            Self::PriceChanged => "the price is no longer what was expected; show it to the customer and order again",
            Self::IdempotencyKeyReused => "this key was used with another body",
            Self::IdempotencyKeyInFlight => "the first request with this key is not answered yet",
            Self::BodyTooLarge => "the body may have at most 1048576 bytes",
            Self::UnsupportedMediaType => "the header Content-Type must be application/json",
            Self::RateLimited => "too many requests from this caller; one is possible again in 3 s",
            Self::Overloaded => "the database is not available at the moment",
            Self::Timeout => "no answer within 15 s",
            Self::Internal => "the request was not finished",
        }
    }
}
