//! The replay of a dead letter dies between claim and resolution; after its lease the operator replays again, and it counts once.

use serde_json::json;
use uuid::Uuid;

use super::lane::Lane;
use super::pairs::Pair;
use super::programs::Running;
use crate::support::amqp::identified;
use crate::support::{eventually, order_of};

impl Lane {
    pub async fn die_in_replay(&mut self, pair: Pair) {
        let place = pair.place();
        let fleet = self.start_fleet(None);
        let id = self.refuse_an_order().await;
        self.database
            .execute(
                "with product as (insert into products (sku, name, price) values ('LATE-01', 'Late', 19.99)
                                  on conflict (sku) do update set active = true),
                      shelf as (insert into stock (sku, on_hand) values ('LATE-01', 10) on conflict do nothing returning sku)
                 insert into stock_movements (sku, kind, quantity) select sku, 'initial', 10 from shelf",
            )
            .await;
        self.replay(id, Some(&place)).dies(&place).await;
        // the dead operator's lease ends after seconds; then the fleet carries the replay on
        self.database.execute("update replay_operations set runner_until = now() - interval '1 second'").await;
        eventually("the replay is carried on to its end", async || {
            let open = "select count(*) from replay_operations where state = 'running'";
            (self.database.number(open).await == 0).then_some(())
        })
        .await;
        self.expected.one_confirmed(1);
        self.expected.resolved += 1;
        self.comes_to_rest(fleet, &place).await;
        // the next walk of this kind needs a product that is missing again
        self.database.execute("update products set active = false where sku = 'LATE-01'").await;
    }

    /// Another client orders what is not for sale; the dead letter's id.
    async fn refuse_an_order(&self) -> Uuid {
        let mut order = order_of("LATE-01", 1);
        order["id"] = json!(Uuid::new_v4());
        let id = Uuid::new_v4();
        self.client.publish_json("orders", "process", identified(&id.to_string()), &order).await;
        eventually("the order is dead-lettered", async || {
            sqlx::query_scalar("select id from dead_letters where message_id = $1")
                .bind(id)
                .fetch_optional(&self.database.pool)
                .await
                .expect("looked up")
        })
        .await
    }

    fn replay(&self, id: Uuid, crash_at: Option<&str>) -> Running {
        let mut command = self.at_home(self.programs.dead_letter_handler());
        command.args(["replay", &id.to_string()]);
        if let Some(place) = crash_at {
            command.env("FLEET_CRASH_AT", place);
        }
        Running::start(command, &self.log())
    }
}
