//! `orders submit`: one order from flags or a JSON file; many from JSON lines (see [`super::bulk`]); or straight to the broker
//! (see [`super::amqp`]).

use std::io::Read;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::output::Output;
use super::run::Outcome;
use super::{amqp, bulk, watch};
use crate::contract::order::read_object;
use crate::domain::{MAX_QUANTITY, Money, Order, Sku};

/// Places one order, or many from a file of JSON lines.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  orders submit --customer c-17 --email ada@shop.example --item GADGET-01:2 --item GADGET-02:1:19.99
  orders submit order.json --watch
  jq '.[0]' orders.json | orders submit - --idempotency-key order-4711
  orders submit --jsonl orders.jsonl --concurrency 16
  orders submit --jsonl - --json < orders.jsonl | jq -r '.order_id // empty'
  orders submit --amqp --customer c-17 --email ada@shop.example --item GADGET-01:2

A --jsonl run that was cut short is simply started again: each row carries a key
made of its content, so what was accepted before is not ordered twice. To order
the same rows once more, give the run another name with --batch.")]
pub struct Submit {
    /// A file with one order as JSON; - reads it from stdin.
    #[arg(value_name = "FILE", conflicts_with_all = ["customer", "email", "phone", "items", "token", "jsonl"])]
    file: Option<String>,
    /// Many orders, one JSON object per line; - reads them from stdin. Writes a verdict per line.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["customer", "email", "phone", "items", "token"])]
    #[arg(conflicts_with_all = ["idempotency_key", "watch", "amqp"])]
    jsonl: Option<String>,

    /// The shop's name for the customer.
    #[arg(long, value_name = "ID", required_unless_present_any = ["file", "jsonl"])]
    customer: Option<String>,
    /// Where confirmations go.
    #[arg(long, value_name = "ADDRESS", required_unless_present_any = ["file", "jsonl"])]
    email: Option<String>,
    /// Where shipping updates go.
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// Product and quantity; with a price, the order is refused when the catalogue asks another. Repeatable.
    #[arg(long = "item", value_name = "SKU:QTY[:PRICE]", value_parser = item, required_unless_present_any = ["file", "jsonl"])]
    items: Vec<OrderedItem>,
    /// What the payment gateway charges; without it, the customer's stored method.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,

    /// How urgent the order is: high overtakes what waits for the order-processor.
    #[arg(long, value_parser = PossibleValuesParser::new(["normal", "high"]), conflicts_with_all = ["file", "jsonl"])]
    priority: Option<String>,
    /// What the customer agreed to pay for all of it; the order is refused when it costs something else now.
    #[arg(long, value_name = "AMOUNT", conflicts_with_all = ["file", "jsonl"])]
    expected_price: Option<Money>,

    /// The same key with the same order never orders twice [default: a new one, so that only the retries share it].
    #[arg(long, value_name = "KEY", conflicts_with = "amqp", value_parser = idempotency_key)]
    idempotency_key: Option<String>,
    /// How often to try again while the API is overloaded (503, 429) or away.
    #[arg(long, value_name = "N", default_value_t = 5)]
    retries: usize,
    /// Stays until the order is final.
    #[arg(long)]
    pub watch: bool,
    /// Rows in flight at once.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256), requires = "jsonl")]
    concurrency: u16,
    /// A name for this run; the same rows under another name are ordered again.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true, requires = "jsonl")]
    batch: String,

    /// Publishes to the exchange `orders` with a broker's confirm instead of asking the API.
    #[arg(long)]
    amqp: bool,
    /// Address of the broker for --amqp, as in amqp://user:password@host:5672/vhost.
    #[arg(long, value_name = "URL", env = "AMQP_URL", hide_env_values = true)]
    amqp_url: Option<String>,
}

impl Submit {
    /// # Errors
    /// [`Error::Input`] before anything is sent; else what the API or the broker said.
    pub async fn run(self, client: &Client, output: Output, timeout: Option<Duration>) -> Result<Outcome, Error> {
        if let Some(source) = &self.jsonl {
            let pace = bulk::Pace { concurrency: usize::from(self.concurrency), retries: self.retries };
            return bulk::submit(client, output, source, &self.batch, pace).await;
        }
        let order = match &self.file {
            Some(source) => read_file(source)?,
            None => self.order_of_flags(),
        };
        if self.amqp {
            let id = amqp::submit(self.amqp_url.as_deref(), order, output).await?;
            return match self.watch {
                true => watch::follow(client, output, &[id], timeout, watch::Unknown::IsStillOnItsWay).await,
                false => Ok(Outcome::Success),
            };
        }
        self.submit_over_http(client, output, &order, timeout).await
    }

    async fn submit_over_http(
        &self,
        client: &Client,
        output: Output,
        order: &Map<String, Value>,
        timeout: Option<Duration>,
    ) -> Result<Outcome, Error> {
        let key = self.idempotency_key.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let body = serde_json::to_string(order).map_err(std::io::Error::other)?;
        let answer = client.post_with_retries(&["orders"], &body, &key, self.retries).await?;
        let accepted: Order = client.read(&answer.body)?;
        if output.json {
            output.line(answer.body.trim_end())?;
        } else {
            let before = if answer.replayed { " before, with the same key" } else { "" };
            let verdict = output.good("accepted");
            output.line(&format!("{verdict}{before}  {}  total {}", accepted.id, accepted.total))?;
        }
        if self.watch {
            return watch::follow(client, output, &[accepted.id.0], timeout, watch::Unknown::IsAnError).await;
        }
        output.hint(&format!("follow it: orders watch {}", accepted.id));
        Ok(Outcome::Success)
    }

    fn order_of_flags(&self) -> Map<String, Value> {
        let mut order = Map::new();
        let texts = [
            ("customer_id", &self.customer),
            ("email", &self.email),
            ("phone", &self.phone),
            ("payment_token", &self.token),
            ("priority", &self.priority),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                order.insert(name.to_owned(), json!(text));
            }
        }
        if let Some(price) = self.expected_price {
            order.insert("expected_price".to_owned(), json!(price));
        }
        order.insert("items".to_owned(), self.items.iter().map(OrderedItem::to_json).collect());
        order
    }
}

fn read_file(source: &str) -> Result<Map<String, Value>, Error> {
    let mut bytes = Vec::new();
    let read = match source {
        "-" => std::io::stdin().lock().read_to_end(&mut bytes),
        path => std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    let name = if source == "-" { "stdin" } else { source };
    read.map_err(|error| Error::Input(format!("{name} cannot be read: {error}")))?;
    read_object(&bytes).map_err(|error| Error::Input(format!("{name} is not an order: {error}")))
}

/// What `--item` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderedItem {
    sku: Sku,
    quantity: u32,
    price: Option<Money>,
}

impl OrderedItem {
    fn to_json(&self) -> Value {
        match self.price {
            Some(price) => json!({"sku": self.sku, "quantity": self.quantity, "price": price}),
            None => json!({"sku": self.sku, "quantity": self.quantity}),
        }
    }
}

fn item(text: &str) -> Result<OrderedItem, String> {
    let mut parts = text.split(':');
    let (Some(sku), Some(quantity), price, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err("must be SKU:QTY or SKU:QTY:PRICE, as in GADGET-01:2:19.99".to_owned());
    };
    let sku = Sku::parse(sku).map_err(|error| format!("the sku {error}"))?;
    let quantity = match quantity.parse() {
        Ok(number @ 1..=MAX_QUANTITY) => number,
        Ok(_) | Err(_) => return Err(format!("the quantity must be a whole number from 1 to {MAX_QUANTITY}")),
    };
    let price =
        price.map(str::parse).transpose().map_err(|error: crate::domain::MoneyError| format!("the price {error}"))?;
    Ok(OrderedItem { sku, quantity, price })
}

/// The bounds of the `Idempotency-Key` header: 1 to 255 characters that a header can carry.
fn idempotency_key(text: &str) -> Result<String, &'static str> {
    if (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("must have 1 to 255 visible ASCII characters without spaces")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_a_sku_a_quantity_and_perhaps_a_price() {
        let plain = item("GADGET-02/red:3").expect("valid");
        assert_eq!(plain.to_json(), json!({"sku": "GADGET-02/red", "quantity": 3}));
        let priced = item("A:1:19.99").expect("valid");
        assert_eq!(priced.to_json(), json!({"sku": "A", "quantity": 1, "price": 19.99}));
    }

    #[test]
    fn an_item_at_fault_says_which_part() {
        for (text, part) in [
            ("A", "SKU:QTY"),
            ("A:1:2:3", "SKU:QTY"),
            (":1", "the sku"),
            ("a b:1", "the sku"),
            ("A:0", "the quantity"),
            ("A:-1", "the quantity"),
            ("A:1.5", "the quantity"),
            ("A:10001", "the quantity"),
            ("A:1:", "the price"),
            ("A:1:1.999", "the price"),
            ("A:1:-1", "the price"),
        ] {
            let error = item(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
