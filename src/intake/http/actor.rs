//! Who calls: puts the actor into every request, and hands it to handlers that ask for it. A layer of the router.

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use super::problem::{Problem, ProblemKind};
use crate::access::Actor;

pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Actor::anyone());
    next.run(request).await
}

impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = Problem;

    /// The layer has put it there; without the layer nobody may do anything.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Self>().cloned();
        actor.ok_or_else(|| Problem::new(ProblemKind::Internal, "it is not known who calls"))
    }
}
