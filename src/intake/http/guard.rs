//! The guard before every route: who calls, may they, and not too often. A layer of the router; handlers get the [`Actor`] that it
//! has found out.
//!
//! In this order, the cheap before the dear: the route's rule, the quota of the address, the proof, the quota of the caller, the
//! role, and whether what is asked for is the caller's own.

mod address;
mod identity;
mod issuer_keys;
mod recent;
mod refusal;

use axum::extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use uuid::Uuid;

pub use identity::Identity;
pub(super) use refusal::Refusal;

use super::permissions::{Reach, Ruling, ruling};
use super::problem::{Problem, ProblemKind, of_database};
use super::rate_limit::{RateLimits, Standings};
use super::router::ApiState;
use crate::access::{Actor, Origins};
use crate::domain::OrderId;
use crate::store::order_queries;

/// What the guard works with.
#[derive(Clone, Debug)]
pub struct Guard {
    pub identity: Identity,
    pub limits: RateLimits,
    /// Whose word about the caller's address is taken.
    pub trusted_proxies: Vec<IpNet>,
    /// Web pages of which origins may call.
    pub origins: Origins,
}

impl Guard {
    /// Lets everybody do everything, as often as they like.
    pub fn open() -> Self {
        Self {
            identity: Identity::Open,
            limits: RateLimits::default(),
            trusted_proxies: Vec::new(),
            origins: Origins::default(),
        }
    }
}

pub(super) async fn guard(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut standings = Standings::default();
    let mut answer = match judge(&state, &mut parts, &mut standings).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refusal) => refusal.into_response(),
    };
    standings.tell(answer.headers_mut());
    answer
}

async fn judge(state: &ApiState, parts: &mut Parts, standings: &mut Standings) -> Result<(), Refusal> {
    let Guard { identity, limits, trusted_proxies, origins: _ } = &state.guard;
    if let Some(address) = address::of(parts, trusted_proxies) {
        limits.address(address, standings).await?;
    }
    // nothing is there; the router says so
    let Some(path) = parts.extensions.get::<MatchedPath>() else { return Ok(()) };
    let rule = match ruling(&parts.method, path.as_str()) {
        Ruling::Rule(rule) => rule,
        Ruling::OtherMethods(rules) => return Err(Refusal::method(rules)),
        Ruling::Unruled => {
            tracing::error!(path = path.as_str(), "the table of permissions has no row for this route");
            return Err(Problem::new(ProblemKind::Internal, "nobody may call this yet").into());
        }
    };
    let Some(least) = rule.least else { return Ok(()) };
    let actor = identity.prove(&parts.headers, state).await?;
    tracing::Span::current().record("actor", actor.to_string());
    if !identity.is_open() {
        limits.caller(&actor, standings).await?;
    }
    if actor.role() < least {
        return Err(Refusal::forbidden(least));
    }
    if rule.reach == Reach::OwnOrder {
        reaches_order(state, parts, &actor).await?;
    }
    parts.extensions.insert(actor);
    Ok(())
}

/// Another customer's order looks as if it did not exist.
async fn reaches_order(state: &ApiState, parts: &mut Parts, actor: &Actor) -> Result<(), Refusal> {
    let Some(own) = actor.only_customer() else { return Ok(()) };
    let parameters = RawPathParams::from_request_parts(parts, &()).await;
    let id =
        parameters.ok().and_then(|all| all.iter().find(|(name, _)| *name == "id").map(|(_, id)| id.parse::<Uuid>()));
    // what is no id is no order: the handler says so
    let Some(Ok(id)) = id else { return Ok(()) };
    let mut connection = state.connection().await?;
    let owner = order_queries::customer_of(&mut connection, OrderId(id)).await.map_err(|error| of_database(&error))?;
    match owner {
        Some(owner) if owner != *own => Err(Problem::new(ProblemKind::NotFound, "no order has this id").into()),
        Some(_) | None => Ok(()),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Actor {
    type Rejection = Problem;

    /// The guard has put it there; where it has not, nobody may do anything.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Self>().cloned();
        actor.ok_or_else(|| Problem::new(ProblemKind::Internal, "it is not known who calls"))
    }
}
