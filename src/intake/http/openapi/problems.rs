//! The problems in the OpenAPI document. A handler lists its own under `x-problems`; those that follow from the form of its request
//! are added here, and all of them become responses that allow these types and no other.

use std::collections::{BTreeMap, BTreeSet};

use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Components, ContentBuilder, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::super::problem::{ProblemDetails, ProblemKind};

/// Extension of an operation with the problems of its own, as `extensions(("x-problems" = json!([NotFound])))`.
const OWN: &str = "x-problems";

/// Replaces the extension by responses, one per status; equal ones stand once in the components.
///
/// `of_access`: those that follow from who may call it.
pub(super) fn list(operation: &mut Operation, of_access: Vec<ProblemKind>, components: &mut Components) {
    let own = operation.extensions.as_mut().and_then(|extensions| extensions.remove(OWN));
    operation.extensions = operation.extensions.take().filter(|rest| !rest.is_empty());
    let own: Vec<ProblemKind> = own.and_then(|own| serde_json::from_value(own).ok()).unwrap_or_default();
    let mut by_status = BTreeMap::<u16, BTreeSet<ProblemKind>>::new();
    for kind in own.into_iter().chain(of_access).chain(implied(operation)) {
        by_status.entry(kind.status().as_u16()).or_default().insert(kind);
    }
    for (status, kinds) in by_status {
        // a page is answered with a page, unless the layers around its handler answer
        if let Some(RefOr::T(own)) = operation.responses.responses.get_mut(&status.to_string()) {
            let Response { content, headers, .. } = response(&kinds);
            own.content.extend(content);
            own.headers.extend(headers);
            continue;
        }
        let name = kinds.iter().map(|kind| kind.slug()).collect::<Vec<_>>().join("-or-");
        let reference = Ref::from_response_name(&name);
        components.responses.entry(name).or_insert_with(|| response(&kinds).into());
        operation.responses.responses.insert(status.to_string(), RefOr::Ref(reference));
    }
}

/// What can go wrong wherever a request has this form.
fn implied(operation: &Operation) -> Vec<ProblemKind> {
    let mut kinds = vec![ProblemKind::Overloaded, ProblemKind::Timeout, ProblemKind::Internal];
    let in_query = operation.parameters.iter().flatten().any(|parameter| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Query,
        RefOr::Ref(_) => false,
    });
    if in_query {
        kinds.push(ProblemKind::Validation);
    }
    if operation.request_body.is_some() {
        kinds.extend([
            ProblemKind::MalformedBody,
            ProblemKind::Validation,
            ProblemKind::BodyTooLarge,
            ProblemKind::UnsupportedMediaType,
        ]);
    }
    kinds
}

/// The schema that all problems share.
pub(super) fn describe(components: &mut Components) {
    use utoipa::{PartialSchema, ToSchema};
    let mut schemas = Vec::new();
    ProblemDetails::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.schemas.insert(ProblemDetails::name().into_owned(), ProblemDetails::schema());
}

fn response(kinds: &BTreeSet<ProblemKind>) -> Response {
    let types: Vec<String> = kinds.iter().map(|kind| kind.uri()).collect();
    let only =
        ObjectBuilder::new().property("type", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(types)));
    let schema = AllOfBuilder::new().item(Ref::from_schema_name("Problem")).item(only);
    let examples = kinds.iter().map(|kind| {
        let value = serde_json::to_value(ProblemDetails::of(*kind, kind.example())).ok();
        (kind.slug(), ExampleBuilder::new().summary(kind.title()).value(value).build())
    });
    let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build();
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title()).collect();
    let response =
        ResponseBuilder::new().description(titles.join(", or: ")).content("application/problem+json", content);
    match kinds.iter().any(|kind| kind.retry_after().is_some()) {
        false => response.build(),
        true => {
            let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
            let header = HeaderBuilder::new()
                .schema(Some(seconds))
                .description(Some("Seconds after which asking again makes sense."));
            response.header("Retry-After", header.build()).build()
        }
    }
}
