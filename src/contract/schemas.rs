//! How the parsed texts and the amounts of `domain` look to a reader of the OpenAPI and the AsyncAPI document. Structs and enums
//! derive their description where they stand; these have rules of their own, written here beside each other.

use std::borrow::Cow;

use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat,
    Type,
};
use utoipa::{PartialSchema, ToSchema};

use super::requests::{BulkRow, MomentOrDate, NewOrder, RequestKey, Retry, ShortText};
use crate::domain::webhook::EventPattern;
use crate::domain::{Carrier, CustomerId, Email, Money, OrderId, Phone, Sku, TrackingNumber};

macro_rules! described {
    ($($name:ident: $schema:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::from($schema.build()))
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

described! {
    OrderId: text("Identifies one order.", "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90").format(known(KnownFormat::Uuid));
    CustomerId: text("The shop's own name for a customer: printable characters without spaces.", "c-17")
        .min_length(Some(1))
        .max_length(Some(CustomerId::MAX))
        .pattern(Some(r"^[^\s\x00-\x1f\x7f-\x9f]+$"));
    Sku: text("Stock keeping unit: the shop's name for a product.", "GADGET-01")
        .min_length(Some(1))
        .max_length(Some(Sku::MAX))
        .pattern(Some("^[A-Za-z0-9._/-]+$"));
    Carrier: text("Who carries a parcel to the customer.", "DHL")
        .min_length(Some(1))
        .max_length(Some(Carrier::MAX))
        .pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"));
    TrackingNumber: text("The carrier's name for one parcel.", "00340434161094042557")
        .min_length(Some(1))
        .max_length(Some(TrackingNumber::MAX))
        .pattern(Some(r"^[\x21-\x7e]+$"));
    Email: text("An e-mail address of the form name@host.", "ada@shop.example")
        .min_length(Some(3))
        .max_length(Some(254))
        .pattern(Some(r#"^[^@\s<>,;"]+@[^@\s<>,;"]+$"#));
    Phone: text("7 to 15 digits after an optional plus sign.", "+4930123456").pattern(Some(r"^\+?[0-9]{7,15}$"));
    EventPattern: text("A type of event, all that begin so (`order.*`), or `*` for all.", "order.*")
        .min_length(Some(1))
        .max_length(Some(EventPattern::MAX))
        .pattern(Some(r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$"));
    ShortText: text("One line of text.", "delivery 4711")
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"));
    RequestKey: text("1 to 255 printable ASCII characters, bare or as a quoted string.", "basket-4711")
        .pattern(Some(r#"^ *([!#-~][ -~]{0,254}|"([ !#-\[\]-~]|\\["\\]){1,255}") *$"#));
    MomentOrDate: AnyOfBuilder::new()
        .item(text("A time with its offset, as RFC 3339 writes it.", "2026-01-31T12:00:00Z").format(known(KnownFormat::DateTime)))
        .item(text("A date, for its first moment in UTC.", "2026-01-31").format(known(KnownFormat::Date)));
    Money: ObjectBuilder::new()
        .schema_type(Type::Number)
        .description(Some("An amount of the shop's one currency, with at most two decimal places."))
        .minimum(Some(0))
        .maximum(Some(9_999_999_999.99))
        .examples([19.99]);
}

fn known(format: KnownFormat) -> Option<SchemaFormat> {
    Some(SchemaFormat::KnownFormat(format))
}

fn text(description: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .examples([Value::String(example.to_owned())])
}

impl PartialSchema for Retry {
    fn schema() -> RefOr<Schema> {
        let nothing = || ObjectBuilder::new().schema_type(Type::Null);
        let id = ObjectBuilder::new().schema_type(Type::Integer).format(known(KnownFormat::Int64));
        let ids = ArrayBuilder::new()
            .items(id)
            .min_items(Some(1))
            .max_items(Some(1_000))
            .description(Some("Messages by their place in the outbox, as the list of parked messages shows them."));
        let all = ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .enum_values(Some([true]))
            .description(Some("Every parked message."));
        let form = || ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
        let choice = OneOfBuilder::new()
            .item(form().property("ids", ids).property("all", nothing()).required("ids"))
            .item(form().property("all", all).property("ids", nothing()).required("all"))
            .description(Some("Which parked messages get another turn: those with these `ids`, or `all`."))
            .examples([json!({"all": true}), json!({"ids": [4711]})]);
        RefOr::T(Schema::OneOf(choice.build()))
    }
}

impl ToSchema for Retry {}

/// The fields of an order and one more: an order by itself forbids any other.
impl PartialSchema for BulkRow {
    fn schema() -> RefOr<Schema> {
        let mut row = NewOrder::schema();
        if let RefOr::T(Schema::Object(order)) = &mut row {
            let nothing = ObjectBuilder::new().schema_type(Type::Null);
            let key = OneOfBuilder::new().item(RequestKey::schema()).item(nothing).description(Some(
                "As the header Idempotency-Key; without it the row goes by the request's key and its place.",
            ));
            order.properties.insert("idempotency_key".to_owned(), Schema::from(key.build()).into());
            order.description =
                Some("An order, and perhaps the key under which this row can be sent again.".to_owned());
            order.examples.clear();
        }
        row
    }
}

impl ToSchema for BulkRow {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        NewOrder::schemas(schemas);
    }
}

/// Units to add; negative takes away.
pub(super) fn delta() -> Schema {
    let range = |from: i64, to: i64| {
        let number = ObjectBuilder::new().schema_type(Type::Integer).format(known(KnownFormat::Int64));
        number.minimum(Some(from)).maximum(Some(to))
    };
    let choice = OneOfBuilder::new().item(range(1, 1_000_000_000)).item(range(-1_000_000_000, -1));
    Schema::OneOf(choice.description(Some("Units to add; negative takes away. Not zero.")).build())
}

/// Money in a request.
pub(super) fn amount() -> Schema {
    one_of(&[Type::Number, Type::String])
}

/// Money in a request that may be left out.
pub(super) fn optional_amount() -> Schema {
    one_of(&[Type::Number, Type::String, Type::Null])
}

fn one_of(types: &[Type]) -> Schema {
    let forms = types.iter().map(|form| {
        let object = ObjectBuilder::new().schema_type(form.clone());
        match form {
            Type::Number => object.minimum(Some(0)).maximum(Some(9_999_999_999.99)).examples([19.99]),
            Type::String => object.pattern(Some("^[0-9.eE+_-]+$")).examples(["19.99"]),
            Type::Null | Type::Object | Type::Integer | Type::Boolean | Type::Array => object,
        }
    });
    let choice = OneOfBuilder::new().description(Some("At most two decimal places, as a number or a string."));
    Schema::OneOf(forms.fold(choice, OneOfBuilder::item).build())
}
