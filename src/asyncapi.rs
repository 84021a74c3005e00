//! The AsyncAPI 3 document: every message on every exchange and queue. Made from the topology's table and the types of `contract`, so
//! it cannot tell of a queue or a field that is not there. Called by `setup --asyncapi`.

mod channels;
mod examples;
mod messages;
mod operations;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::topology::{Topology, TopologyArgs, names};

/// Version of the document: the first number is that of the messages' contract, in which nothing is renamed or removed.
const VERSION: &str = "1.0.0";

const ABOUT: &str = "\
The messages of order-fleet on RabbitMQ. Bodies are JSON in UTF-8; all are persistent, published with a confirm, and carry a \
`message_id` by which a repetition is recognised: delivery is at least once.\n\n\
Fields may be added to any message, none is renamed or removed, so read what you know and pass over the rest.";

/// The document for a topology with the default options.
pub fn document() -> Value {
    let topology = Topology::new(&TopologyArgs::default());
    let channels = channels::of(&topology);
    let mut messages = BTreeMap::new();
    for message in channels.iter().flat_map(|channel| &channel.messages) {
        messages.entry(message.name.clone()).or_insert_with(|| message.clone());
    }
    let mut schemas = Map::new();
    for message in messages.values() {
        for (name, schema) in (message.schemas)() {
            schemas.insert(name, json!(schema));
        }
    }
    json!({
        "asyncapi": "3.1.0",
        "info": {
            "title": "order-fleet",
            "version": VERSION,
            "description": ABOUT,
            "contact": {"name": "order-fleet", "url": "https://order-fleet.example", "email": "team@order-fleet.example"},
            "license": {"name": "MIT OR Apache-2.0"},
            "tags": [{"name": "orders"}, {"name": "rabbitmq"}],
        },
        "defaultContentType": "application/json",
        "servers": {"broker": {
            "host": "localhost:5672",
            "protocol": "amqp",
            "protocolVersion": "0.9.1",
            "description": "RabbitMQ; the virtual host and the user are the installation's own.",
        }},
        "channels": channels.iter().map(|channel| (channel.name.clone(), channel.json())).collect::<Map<_, _>>(),
        "operations": operations::of(&channels),
        "components": {
            "messages": messages.iter().map(|(name, message)| (name.clone(), message.json())).collect::<Map<_, _>>(),
            "messageTraits": {"fleet": messages::trait_of_all(), "failed": messages::trait_of_failed()},
            "schemas": schemas,
        },
    })
}

/// As it is printed and checked in.
pub fn document_json() -> String {
    format!("{:#}", document())
}

/// A reference within the document.
fn reference(path: &[&str]) -> Value {
    let path: Vec<String> = path.iter().map(|part| part.replace('~', "~0").replace('/', "~1")).collect();
    json!({"$ref": format!("#/{}", path.join("/"))})
}
