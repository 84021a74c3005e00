//! How the parsed texts and the amounts of `domain` look to a reader of the OpenAPI and the AsyncAPI document. Structs and enums
//! derive their description where they stand; these have rules of their own, written here beside each other.

use std::borrow::Cow;

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use super::requests::ShortText;
use crate::domain::{CustomerId, Email, Money, OrderId, Phone, Sku};

macro_rules! described {
    ($($name:ident: $schema:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.build().into()
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
    OrderId: text("Identifies one order.", "01a1fbce-2f0b-7c4e-9a51-3f2b6f1d8e90").format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    CustomerId: text("The shop's own name for a customer: printable characters without spaces.", "c-17")
        .min_length(Some(1))
        .max_length(Some(CustomerId::MAX))
        .pattern(Some(r"^[^\s\x00-\x1f\x7f-\x9f]+$"));
    Sku: text("Stock keeping unit: the shop's name for a product.", "GADGET-01")
        .min_length(Some(1))
        .max_length(Some(Sku::MAX))
        .pattern(Some("^[A-Za-z0-9._/-]+$"));
    Email: text("An e-mail address of the form name@host.", "ada@shop.example")
        .min_length(Some(3))
        .max_length(Some(254))
        .pattern(Some(r#"^[^@\s<>,;"]+@[^@\s<>,;"]+$"#));
    Phone: text("7 to 15 digits after an optional plus sign.", "+4930123456").pattern(Some(r"^\+?[0-9]{7,15}$"));
    ShortText: text("One line of text.", "delivery 4711")
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some(r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"));
    Money: ObjectBuilder::new()
        .schema_type(Type::Number)
        .description(Some("An amount of the shop's one currency, with at most two decimal places."))
        .minimum(Some(0))
        .maximum(Some(9_999_999_999.99))
        .examples([19.99]);
}

fn text(description: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .examples([Value::String(example.to_owned())])
}
