//! `orders submit --amqp`: publishes one order to the exchange `orders` as any other AMQP client would, and believes only a
//! confirm. Called by [`super::submit`].

use std::future::Future;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::error::Error;
use super::output::Output;
use crate::contract::FieldError;
use crate::contract::order::{OrderForm, SUBMITTED, Source, Unreadable, read_order};
use crate::domain::{Item, Order, OrderId, Priority};
use crate::topology::names::{ORDERS, PROCESS, PROCESS_HIGH};

const KIND: &str = "order.submitted";
/// AMQP 0-9-1, 4.5.1 `delivery-mode`: 2 survives a restart of the broker.
const PERSISTENT: u8 = 2;
/// For each step. A confirm of a healthy quorum queue takes milliseconds; a blocked broker never answers.
const DEADLINE: Duration = Duration::from_secs(10);
/// A goodbye that is not answered changes nothing any more.
const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// Checks, completes and publishes the order; answers its id.
///
/// # Errors
/// [`Error::Faults`] before anything is sent; [`Error::BrokerUnreachable`]; [`Error::Unsuccessful`] without a clean confirm.
pub async fn submit(url: Option<&str>, order: Map<String, Value>, output: Output) -> Result<Uuid, Error> {
    let url = url
        .filter(|url| !url.is_empty())
        .ok_or_else(|| Error::Input("--amqp needs --amqp-url or AMQP_URL".to_owned()))?;
    let uri: AMQPUri = url
        .parse()
        .map_err(|_| Error::Input("--amqp-url must look like amqp://user:password@host:5672/vhost".to_owned()))?;
    let order = complete(order)?;
    let form = check(&order)?;
    let id = form.id.unwrap_or_else(OrderId::mint);
    let body = serde_json::to_vec(&order).map_err(std::io::Error::other)?;
    let routing_key = match form.priority {
        Priority::Normal => PROCESS,
        Priority::High => PROCESS_HIGH,
    };
    publish(url, &uri, routing_key, id, &body).await?;
    if output.json {
        output.document(&order)?;
    } else {
        output.line(&format!("{}  {id}  confirmed by the broker", output.good("published")))?;
    }
    Ok(id.0)
}

/// Adds what the API would have minted, where the file does not bring it.
fn complete(mut order: Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let now = OffsetDateTime::now_utc().format(&Rfc3339).map_err(std::io::Error::other)?;
    order.entry("id").or_insert_with(|| json!(OrderId::mint()));
    order.entry("created_at").or_insert_with(|| json!(now));
    order.entry("status").or_insert_with(|| json!("pending"));
    if !order.contains_key("total")
        && let Some(items) = order.get("items").and_then(priced)
        && let Ok(total) = Order::sum_of(&items)
    {
        order.insert("total".to_owned(), json!(total));
    }
    Ok(order)
}

/// The items if every one of them carries its price.
fn priced(items: &Value) -> Option<Vec<Item>> {
    serde_json::from_value(items.clone()).ok()
}

/// Nobody answers a message that is at fault, so it is not sent.
fn check(order: &Map<String, Value>) -> Result<OrderForm, Error> {
    let at_fault = |faults: Vec<FieldError>| Error::Faults { subject: "the order".to_owned(), faults };
    match read_order(order, Source::Amqp) {
        Ok(form) if form.unknown.is_empty() => Ok(form),
        Ok(form) => Err(at_fault(form.unknown)),
        Err(Unreadable::Fields(faults)) => Err(at_fault(faults)),
        Err(other @ (Unreadable::NotUtf8(_) | Unreadable::NotJson(_) | Unreadable::NotAnObject(_))) => {
            Err(Error::Input(other.to_string()))
        }
    }
}

async fn publish(url: &str, uri: &AMQPUri, routing_key: &str, order: OrderId, body: &[u8]) -> Result<(), Error> {
    let at = format!("{}:{}", uri.authority.host, uri.authority.port);
    let unreachable = |failure: Failure| Error::BrokerUnreachable { at: at.clone(), cause: failure.words() };
    let properties = ConnectionProperties::default().with_connection_name("orders".into());
    let connection = within(DEADLINE, Connection::connect(url, properties)).await.map_err(unreachable)?;
    let published = match open_channel(&connection).await {
        Ok(channel) => publish_on(&channel, routing_key, order, body).await,
        Err(failure) => Err(unreachable(failure)),
    };
    // The message's fate is known; how the connection ends does not change it.
    let _ = within(CLOSE_DEADLINE, connection.close(200, "done".into())).await;
    published
}

/// A channel of its own for one message: a return can then belong to no other (lapin 4 confuses them between publishes).
async fn open_channel(connection: &Connection) -> Result<Channel, Failure> {
    let channel = within(DEADLINE, connection.create_channel()).await?;
    within(DEADLINE, channel.confirm_select(ConfirmSelectOptions::default())).await?;
    Ok(channel)
}

#[expect(
    clippy::disallowed_methods,
    reason = "one message by a client that keeps no pool and tells each refusal apart"
)]
async fn publish_on(channel: &Channel, routing_key: &str, order: OrderId, body: &[u8]) -> Result<(), Error> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        // Repeats when the same order is published again, so that consumers see it is the same message.
        .with_message_id(ShortString::from(order.message_id(SUBMITTED).to_string()))
        .with_type(KIND.into())
        .with_app_id("orders".into())
        .with_correlation_id(ShortString::from(order.to_string()));
    let written = channel.basic_publish(ORDERS.into(), routing_key.into(), options, body, properties);
    let confirm = within(DEADLINE, written).await.map_err(|failure| failure.after_publish(order))?;
    let confirmation = within(DEADLINE, confirm).await.map_err(|failure| failure.after_publish(order))?;
    judge(routing_key, order, &confirmation)
}

/// An `Ack` alone is not success: what could not be routed is acked as well.
fn judge(routing_key: &str, order: OrderId, confirmation: &Confirmation) -> Result<(), Error> {
    let complaint = match confirmation {
        Confirmation::Ack(None) => return Ok(()),
        Confirmation::Ack(Some(returned)) => format!(
            "the broker returned order {order} ({} {}): no queue is bound to {ORDERS}/{routing_key}, run setup first",
            returned.reply_code, returned.reply_text
        ),
        Confirmation::Nack(_) => {
            format!(
                "the broker refused to store order {order} (nack): its queue is full or in trouble, try again later"
            )
        }
        Confirmation::NotRequested => {
            format!("the broker was not asked to confirm order {order}: whether it is stored is not known, report this")
        }
    };
    Err(Error::Unsuccessful(complaint))
}

/// Why a step on the broker did not end.
enum Failure {
    Broker(lapin::Error),
    Silence(Duration),
}

impl Failure {
    /// The broker's or the system's own words, without the library's around them.
    fn words(&self) -> String {
        match self {
            Self::Broker(error) => match error.kind() {
                ErrorKind::ProtocolError(protocol) => protocol.get_message().to_string(),
                ErrorKind::IOError(io) => io.to_string(),
                _ => error.to_string(),
            },
            Self::Silence(waited) => format!("no answer within {} s", waited.as_secs()),
        }
    }

    fn after_publish(&self, order: OrderId) -> Error {
        let cause = self.words();
        let refused = matches!(self, Self::Broker(error) if error.is_amqp_soft_error());
        Error::Unsuccessful(if refused {
            // A closed channel: the exchange is missing or this user may not write to it.
            format!("the broker refused order {order} ({cause}): run setup, or publish as a user who may")
        } else {
            format!(
                "whether the broker has order {order} is not known ({cause}): see `orders get {order}`; published again \
                 with this id it is still taken once"
            )
        })
    }
}

/// Every await on the broker can last for ever (alarm, lost quorum, silent peer), so none is without a deadline.
async fn within<T>(deadline: Duration, step: impl Future<Output = lapin::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(deadline, step).await {
        Ok(result) => result.map_err(Failure::Broker),
        Err(_elapsed) => Err(Failure::Silence(deadline)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(items: Value) -> Map<String, Value> {
        let order = json!({"customer_id": "c-1", "email": "ada@shop.example", "items": items});
        order.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn the_id_the_date_the_status_and_the_total_are_added() {
        let order = complete(order(json!([{"sku": "A", "quantity": 2, "price": 9.99}]))).expect("completes");
        assert_eq!(order["total"], 19.98);
        assert_eq!(order["status"], "pending");
        let form = check(&order).expect("well-formed");
        assert!(form.id.is_some() && form.created_at.is_some());
    }

    #[test]
    fn without_prices_the_total_is_left_to_the_catalogue() {
        let order = complete(order(json!([{"sku": "A", "quantity": 2}]))).expect("completes");
        assert!(!order.contains_key("total"));
        check(&order).expect("well-formed");
    }

    #[test]
    fn an_order_at_fault_is_not_sent() {
        let mut order = complete(order(json!([{"sku": "A", "quantity": 0}]))).expect("completes");
        order.insert("colour".to_owned(), json!("red"));
        let error = check(&order).expect_err("at fault");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("/items/0/quantity") && error.to_string().contains("/colour"), "{error}");
    }

    #[test]
    fn an_ack_a_nack_and_no_confirm_are_three_answers() {
        let order = OrderId::mint();
        judge(PROCESS, order, &Confirmation::Ack(None)).expect("stored");
        for (confirmation, word) in [(Confirmation::Nack(None), "nack"), (Confirmation::NotRequested, "not asked")] {
            let error = judge(PROCESS, order, &confirmation).expect_err("not stored");
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
