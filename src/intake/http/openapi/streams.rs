//! Streams in the OpenAPI document, described as OpenAPI 3.2 does it: the schema of `text/event-stream` is that of one event, and what
//! its data is when read as JSON is the data's `contentSchema`.

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

const STREAM: &str = "text/event-stream";

/// Handlers name the type of the data; this puts the event around it.
pub(super) fn describe(operation: &mut Operation) {
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        let Some(RefOr::T(content)) = response.content.get_mut(STREAM) else { continue };
        content.schema = content.schema.take().map(|data| event(data).into());
    }
}

fn event(data: RefOr<Schema>) -> Schema {
    let text = |about| ObjectBuilder::new().schema_type(Type::String).description(Some(about));
    let milliseconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).description(Some(
        "Milliseconds after which a client whose stream has ended comes back; before the first event.",
    ));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("event", text("What its data tells.").enum_values(Some(["transition", "heartbeat"])))
        .property("id", text("Where the client stands with it: the next `Last-Event-ID`.").pattern(Some("^[0-9]+$")))
        .property("retry", milliseconds)
        .property("data", text("JSON.").content_media_type("application/json").content_schema(Some(data)))
        .required("event")
        .required("id")
        .required("data")
        .into()
}
