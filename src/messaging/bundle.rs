//! Bundles: messages of one batch for one of the fleet's own queues travel as one message, since most of what a message costs the broker
//! and the client does not depend on its size. Each member keeps its own id, headers and fate (`docs/adr/0011-bundles.md`).

use std::collections::BTreeMap;

use lapin::types::AMQPValue;
use uuid::Uuid;

use super::wire::stamped;
use super::{Incoming, Wire};
use crate::contract::{BUNDLE, Outgoing, Unroutable, headers};
use crate::topology::names;

/// Queues that only the fleet's own services consume. Everything else is read by others, too, and keeps its form.
const INTERNAL: [&str; 3] = [names::ORDER_REPLIES, names::INVENTORY_REQUESTS, names::PAYMENT_REQUESTS];
/// The bodies of one bundle in bytes, at most; a single larger message travels alone.
const BYTES: usize = 256 * 1024;

/// Whether one message in this queue may be a bundle of many.
pub fn may_hold_bundles(queue: &str) -> bool {
    INTERNAL.contains(&queue)
}

/// The messages as they are to be published: those for the same internal queue together, at most so many, all others as they are.
pub fn wires(messages: &[Outgoing], most: usize) -> Vec<Wire> {
    let mut wires = Vec::with_capacity(messages.len());
    let mut internal: BTreeMap<&str, Vec<&Outgoing>> = BTreeMap::new();
    for message in messages {
        match message.exchange.is_empty() && message.unroutable == Unroutable::Keep {
            true if INTERNAL.contains(&message.routing_key.as_str()) => {
                internal.entry(&message.routing_key).or_default().push(message);
            }
            true | false => wires.push(Wire::from(message)),
        }
    }
    for (queue, members) in internal {
        let mut rest = members.as_slice();
        while !rest.is_empty() {
            let (some, others) = rest.split_at(fitting(rest, most));
            match bundle(queue, some) {
                Some(bundle) => wires.push(bundle),
                None => wires.extend(some.iter().map(|message| Wire::from(*message))),
            }
            rest = others;
        }
    }
    wires
}

/// How many of the first ones go together; at least one.
fn fitting(messages: &[&Outgoing], most: usize) -> usize {
    let mut bytes = 0;
    let fit = messages.iter().take(most).take_while(|message| {
        bytes += message.body.get().len();
        bytes <= BYTES
    });
    fit.count().max(1)
}

/// `None` when there is nothing to gain.
fn bundle(queue: &str, members: &[&Outgoing]) -> Option<Wire> {
    if members.len() < 2 {
        return None;
    }
    let body = serde_json::to_vec(members).ok()?;
    let message_id = Uuid::now_v7();
    let properties = stamped(message_id, BUNDLE);
    let routing_key = queue.to_owned();
    Some(Wire { message_id, exchange: String::new(), routing_key, properties, body, unroutable: Unroutable::Keep })
}

/// What a delivery holds: the members of a bundle, or the message itself. A bundle that cannot be read stays as it is, and fails as
/// any message does that its consumer cannot read.
pub fn members(incoming: Incoming) -> Vec<Incoming> {
    if incoming.kind() != Some(BUNDLE) || !INTERNAL.contains(&incoming.routing_key.as_str()) {
        return vec![incoming];
    }
    match serde_json::from_slice::<Vec<Outgoing>>(&incoming.body) {
        Ok(members) if !members.is_empty() => members.into_iter().map(|member| unpacked(member, &incoming)).collect(),
        Ok(_) | Err(_) => vec![incoming],
    }
}

/// The member as it would have come alone: published when its bundle was, and replayed with it.
fn unpacked(member: Outgoing, bundle: &Incoming) -> Incoming {
    let Wire { message_id, exchange, routing_key, mut properties, body, .. } = Wire::from(&member);
    if let Some(published) = *bundle.properties.timestamp() {
        properties = properties.with_timestamp(published);
    }
    if bundle.replays() > 0 {
        let mut all = properties.headers().clone().unwrap_or_default();
        all.insert(headers::REPLAYS.into(), AMQPValue::LongUInt(bundle.replays()));
        properties = properties.with_headers(all);
    }
    Incoming { message_id, exchange, routing_key, properties: Box::new(properties), body }
}

#[cfg(test)]
mod tests {
    use lapin::BasicProperties;
    use serde_json::json;

    use super::*;

    const MOST: usize = 64;

    fn to(routing_key: &str, exchange: &str, text: &str) -> Outgoing {
        let message = Outgoing::json(Uuid::new_v4(), exchange, routing_key, "k", &json!({"text": text})).expect("JSON");
        message.correlated(Some("c")).header(headers::CAUSATION_ID, "cause")
    }

    fn delivered(wire: Wire) -> Incoming {
        Incoming::read(&wire.exchange, &wire.routing_key, wire.properties, wire.body)
    }

    #[test]
    fn only_messages_for_one_internal_queue_travel_together_and_come_out_as_they_went_in() {
        let sent = [
            to(names::PAYMENT_REQUESTS, "", "1"),
            to("order.created", names::EVENTS, "2"),
            to(names::PAYMENT_REQUESTS, "", "3").replying_to(names::ORDER_REPLIES),
            to(names::ORDER_REPLIES, "", "4"),
            to("somebody.elses", "", "5"),
        ];
        let wires = wires(&sent, MOST);
        assert_eq!(wires.len(), 4);
        let came: Vec<Incoming> = wires.into_iter().flat_map(|wire| members(delivered(wire))).collect();
        assert_eq!(came.len(), sent.len());
        for message in &sent {
            let one = came.iter().find(|one| one.message_id == message.message_id).expect("arrived");
            assert_eq!(one.body, message.body.get().as_bytes());
            assert_eq!((one.exchange.as_str(), one.routing_key.as_str()), (&*message.exchange, &*message.routing_key));
            assert_eq!(one.properties.headers(), Wire::from(message).properties.headers());
            assert_eq!(one.reply_to(), message.reply_to.as_deref());
        }
    }

    #[test]
    fn a_bundle_is_bounded_in_members_and_in_bytes() {
        let many: Vec<Outgoing> = (0..=MOST).map(|_| to(names::ORDER_REPLIES, "", "x")).collect();
        assert_eq!((wires(&many, MOST).len(), wires(&many, 1).len()), (2, many.len()));
        let large = "x".repeat(BYTES);
        let large: Vec<Outgoing> = (0..3).map(|_| to(names::ORDER_REPLIES, "", &large)).collect();
        assert!(wires(&large, MOST).iter().all(|wire| members(delivered(wire.clone())).len() == 1));
    }

    #[test]
    fn what_only_looks_like_a_bundle_stays_one_message() {
        let read = |queue: &str, body: &[u8]| {
            members(Incoming::read("", queue, BasicProperties::default().with_type(BUNDLE.into()), body.to_vec())).len()
        };
        assert_eq!(read(names::ORDER_REPLIES, b"[]"), 1);
        assert_eq!(read(names::ORDER_REPLIES, b"{}"), 1);
        let bundle = wires(&[to(names::ORDER_REPLIES, "", "1"), to(names::ORDER_REPLIES, "", "2")], MOST).remove(0);
        assert_eq!(read(names::ORDER_REPLIES, &bundle.body), 2);
        assert_eq!(read(names::ORDER_PROCESSING, &bundle.body), 1);
    }

    #[test]
    fn members_are_as_old_as_their_bundle_and_replayed_with_it() {
        let mut bundle = wires(&[to(names::ORDER_REPLIES, "", "1"), to(names::ORDER_REPLIES, "", "2")], MOST).remove(0);
        let mut table = lapin::types::FieldTable::default();
        table.insert(headers::REPLAYS.into(), AMQPValue::LongUInt(2));
        bundle.properties = bundle.properties.with_timestamp(77).with_headers(table);
        for member in members(delivered(bundle)) {
            assert_eq!((*member.properties.timestamp(), member.replays()), (Some(77), 2));
        }
    }
}
