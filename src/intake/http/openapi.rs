//! The OpenAPI document. `utoipa` reads each operation off its handler, as the router registers it; this adds what no handler can
//! know. Called by the router and by `order-api openapi`.

mod access;
mod problems;
mod streams;

use axum::http::Method;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::schema::{AnyOfBuilder, SchemaType, Type};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ContactBuilder, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, Schema, ServerBuilder,
};

/// Version of the document, as in docs/api-versioning.md: the first number is the one in the paths.
const VERSION: &str = "1.0.0";

const ABOUT: &str = "\
Takes orders, tells how they stand, and keeps products and their stock.

Every answer that is no success is a problem (RFC 9457); its `type` is the address of a page that says what it means and what to do. \
Every answer carries `X-Correlation-Id`, the client's own if it sent one: the same id is in every message and log line that the \
request causes. What may change in version 1, and how it is announced, is in docs/api-versioning.md.";

/// Groups of operations, in the order in which they are shown.
const TAGS: [(&str, &str); 10] = [
    ("orders", "Submit orders and follow them."),
    ("tracking", "What customers see of their order, without a login: whoever has the link may look."),
    ("payments", "What was paid and given back."),
    ("products", "What the shop sells, and how much of it there is."),
    ("inventory", "Stock: what is promised, what moved, what runs out."),
    ("webhooks", "Tell partners of events: where, which, and what became of it."),
    ("operations", "How the fleet is doing, and what an operator can do about it."),
    ("dead letters", "What nobody could process: find the cause, repair, replay."),
    ("access", "Who may call the API, and what was done by those who may do much."),
    ("about", "The API about itself."),
];

/// Names of the descriptions of `contract::status::Part`.
const PART: &str = "Part_";

/// The document without any operation.
pub(super) fn empty() -> OpenApi {
    let tags = TAGS.map(|(name, about)| TagBuilder::new().name(name).description(Some(about)).build());
    let server = ServerBuilder::new().url("/").description(Some("Where this document comes from.")).build();
    OpenApiBuilder::new().info(info()).servers(Some([server])).tags(Some(tags)).build()
}

fn info() -> Info {
    let contact = ContactBuilder::new()
        .name(Some("order-fleet"))
        .url(Some("https://order-fleet.example"))
        .email(Some("team@order-fleet.example"))
        .build();
    let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    InfoBuilder::new()
        .title("order-fleet")
        .version(VERSION)
        .description(Some(ABOUT))
        .contact(Some(contact))
        .license(Some(license))
        .build()
}

/// Adds what is the same for all operations to a document that has them.
pub(super) fn complete(mut api: OpenApi) -> OpenApi {
    let components = api.components.get_or_insert_default();
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in operations(item) {
            operation.parameters.iter_mut().flatten().for_each(without_null);
            streams::describe(operation);
            let of_access = access::require(&method, path, operation);
            problems::list(operation, of_access, components);
        }
    }
    access::describe(components);
    problems::describe(components);
    for (_, schema) in components.schemas.iter_mut().filter(|(name, _)| name.starts_with(PART)) {
        loosen(schema);
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::DELETE, delete),
        (Method::PATCH, patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// An optional parameter is left out, never null: there is no null outside of JSON.
fn without_null(parameter: &mut RefOr<Parameter>) {
    let RefOr::T(Parameter { schema: Some(RefOr::T(Schema::Object(object))), .. }) = parameter else { return };
    if let SchemaType::Array(types) = &object.schema_type
        && let [one, Type::Null] | [Type::Null, one] = types.as_slice()
    {
        object.schema_type = SchemaType::Type(one.clone());
    }
}

/// A part that could not be had may look like one with nothing in it: `anyOf`, where the derive says `oneOf`.
fn loosen(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::OneOf(one_of)) = schema else { return };
    let any_of = AnyOfBuilder::new().description(one_of.description.take());
    *schema = RefOr::T(Schema::AnyOf(one_of.items.drain(..).fold(any_of, AnyOfBuilder::item).build()));
}
