//! The inventory-service: reserves, releases and sells stock on request (`inventory_requests`). One batch is one lock of each shelf:
//! the requests are decided in memory in the order they came, so a product that everybody wants costs no more than any other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::PgConnection;

use crate::contract::Outgoing;
use crate::contract::inventory::{InventoryReply, InventoryRequest, StockLow};
use crate::domain::inventory::{Line, Movement, ReservationStatus, Shelves, commit, put_back, release, reserve};
use crate::domain::{OrderId, Sku};
use crate::messaging::{Delivery, Failure, Handler, Incoming, Outcome, Source, reply};
use crate::store::stock::{self, LedgerRow, LockedShelf, Reservation};
use crate::topology::{WorkQueue, names};

pub struct InventoryService;

impl Handler for InventoryService {
    type Message = InventoryRequest;
    type Context = ();
    type Fetched = ();

    const ROLE: &'static str = "inventory-service";
    const SOURCE: Source = Source::Work(WorkQueue::InventoryRequests);

    fn decode(&self, incoming: &Incoming) -> Result<InventoryRequest, Failure> {
        serde_json::from_slice(&incoming.body)
            .map_err(|error| Failure::BadMessage(format!("the body is no inventory request: {error}")))
    }

    async fn call_outside(&self, _: &Incoming, _: &InventoryRequest, (): ()) -> Result<(), Failure> {
        Ok(())
    }

    async fn apply(&self, db: &mut PgConnection, batch: &[&Delivery<Self>]) -> Result<Vec<Outcome>, sqlx::Error> {
        let mut desk = Desk::open(db, batch).await?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for delivery in batch {
            let decided = desk.decide(&delivery.message);
            note(delivery, &decided);
            outcomes.push(match decided {
                Ok(answer) => match reply(&delivery.incoming, answer.kind(), &answer) {
                    Ok(reply) => Outcome::Done(reply.into_iter().collect()),
                    Err(failure) => Outcome::Failed(failure),
                },
                Err(failure) => Outcome::Failed(failure),
            });
        }
        let low = desk.close(db).await?;
        if let Some(Outcome::Done(messages)) = outcomes.iter_mut().rev().find(|o| matches!(o, Outcome::Done(_))) {
            messages.extend(low);
        }
        Ok(outcomes)
    }
}

fn note(delivery: &Delivery<InventoryService>, decided: &Result<InventoryReply, Failure>) {
    let order_id = delivery.message.order_id();
    let answer = decided.as_ref().map_or("refused", InventoryReply::kind);
    tracing::debug!(%order_id, correlation_id = delivery.incoming.correlation_id(), answer, "stock answered");
}

/// Everything one batch touches, locked.
struct Desk {
    before: Vec<LockedShelf>,
    shelves: Shelves,
    reservations: HashMap<OrderId, Reservation>,
    inserted: BTreeSet<OrderId>,
    updated: BTreeSet<OrderId>,
    ledger: Vec<LedgerRow>,
}

impl Desk {
    async fn open(db: &mut PgConnection, batch: &[&Delivery<InventoryService>]) -> Result<Self, sqlx::Error> {
        let orders: BTreeSet<OrderId> = batch.iter().map(|delivery| delivery.message.order_id()).collect();
        let reservations = stock::lock_reservations(db, &orders.into_iter().collect::<Vec<_>>()).await?;
        let mut skus: BTreeSet<&Sku> =
            reservations.values().flat_map(|r| r.lines.iter().map(|line| &line.sku)).collect();
        for delivery in batch {
            if let InventoryRequest::Reserve { items, .. } = &delivery.message {
                skus.extend(items.iter().map(|line| &line.sku));
            }
        }
        let before = stock::lock_shelves(db, &skus.into_iter().collect::<Vec<_>>()).await?;
        let shelves = before.iter().map(|locked| (locked.sku.clone(), locked.shelf)).collect();
        Ok(Self {
            before,
            shelves,
            reservations,
            inserted: BTreeSet::new(),
            updated: BTreeSet::new(),
            ledger: Vec::new(),
        })
    }

    fn decide(&mut self, request: &InventoryRequest) -> Result<InventoryReply, Failure> {
        match request {
            InventoryRequest::Reserve { order_id, items } => Ok(self.reserve(*order_id, items)),
            InventoryRequest::Release { order_id } => self.release(*order_id),
            InventoryRequest::Commit { order_id } => self.commit(*order_id),
            InventoryRequest::Return { order_id } => Ok(self.put_back(*order_id)),
        }
    }

    fn reserve(&mut self, order_id: OrderId, items: &[Line]) -> InventoryReply {
        if let Some(made) = self.reservations.get(&order_id) {
            return match made.status {
                ReservationStatus::Reserved | ReservationStatus::Committed => InventoryReply::Reserved { order_id },
                ReservationStatus::Rejected | ReservationStatus::Released | ReservationStatus::Returned => {
                    InventoryReply::Rejected { order_id, shortages: made.shortages.clone() }
                }
            };
        }
        match reserve(&mut self.shelves, items) {
            Ok(()) => {
                self.enter(order_id, items, Movement::Reserve);
                self.insert(order_id, ReservationStatus::Reserved, items.to_vec(), Vec::new());
                InventoryReply::Reserved { order_id }
            }
            Err(short) => {
                let shortages: Vec<String> = short.into_iter().map(String::from).collect();
                self.insert(order_id, ReservationStatus::Rejected, items.to_vec(), shortages.clone());
                InventoryReply::Rejected { order_id, shortages }
            }
        }
    }

    /// A release that overtakes its reservation leaves a mark, so that the reservation is refused when it arrives.
    fn release(&mut self, order_id: OrderId) -> Result<InventoryReply, Failure> {
        match self.reservations.get(&order_id).map(|made| made.status) {
            None => self.insert(order_id, ReservationStatus::Released, Vec::new(), Vec::new()),
            Some(ReservationStatus::Reserved) => {
                let lines = self.turn(order_id, ReservationStatus::Released);
                release(&mut self.shelves, &lines);
                self.enter(order_id, &lines, Movement::Release);
            }
            Some(ReservationStatus::Released | ReservationStatus::Rejected | ReservationStatus::Returned) => {}
            Some(ReservationStatus::Committed) => {
                return Err(Failure::Refused(format!("the stock of order {order_id} is sold and cannot be released")));
            }
        }
        Ok(InventoryReply::Released { order_id })
    }

    fn commit(&mut self, order_id: OrderId) -> Result<InventoryReply, Failure> {
        match self.reservations.get(&order_id).map(|made| made.status) {
            Some(ReservationStatus::Reserved) => {
                let lines = self.turn(order_id, ReservationStatus::Committed);
                commit(&mut self.shelves, &lines);
                self.enter(order_id, &lines, Movement::Commit);
            }
            // Returned: the sale was booked together with the return, which had overtaken it.
            Some(ReservationStatus::Committed | ReservationStatus::Returned) => {}
            None | Some(ReservationStatus::Released | ReservationStatus::Rejected) => {
                return Err(Failure::Refused(format!("no stock is reserved for order {order_id}")));
            }
        }
        Ok(InventoryReply::Committed { order_id })
    }

    /// A return that overtakes the sale books both, so that the ledger tells the whole story and the sale finds nothing to do.
    fn put_back(&mut self, order_id: OrderId) -> InventoryReply {
        match self.reservations.get(&order_id).map(|made| made.status) {
            None => self.insert(order_id, ReservationStatus::Returned, Vec::new(), Vec::new()),
            Some(status @ (ReservationStatus::Reserved | ReservationStatus::Committed)) => {
                let lines = self.turn(order_id, ReservationStatus::Returned);
                if status == ReservationStatus::Reserved {
                    commit(&mut self.shelves, &lines);
                    self.enter(order_id, &lines, Movement::Commit);
                }
                put_back(&mut self.shelves, &lines);
                self.enter(order_id, &lines, Movement::Return);
            }
            Some(ReservationStatus::Released | ReservationStatus::Rejected | ReservationStatus::Returned) => {}
        }
        InventoryReply::Returned { order_id }
    }

    fn insert(&mut self, order_id: OrderId, status: ReservationStatus, lines: Vec<Line>, shortages: Vec<String>) {
        self.inserted.insert(order_id);
        self.reservations.insert(order_id, Reservation { order_id, status, lines, shortages });
    }

    /// Changes the status and gives back the lines.
    fn turn(&mut self, order_id: OrderId, status: ReservationStatus) -> Vec<Line> {
        self.updated.insert(order_id);
        match self.reservations.get_mut(&order_id) {
            Some(made) => {
                made.status = status;
                made.lines.clone()
            }
            None => Vec::new(),
        }
    }

    fn enter(&mut self, order_id: OrderId, lines: &[Line], movement: Movement) {
        self.ledger.extend(lines.iter().map(|line| LedgerRow {
            sku: line.sku.clone(),
            order_id,
            movement,
            quantity: line.quantity,
        }));
    }

    /// Writes everything back; returns an event for each product that has just fallen to its threshold.
    async fn close(self, db: &mut PgConnection) -> Result<Vec<Outgoing>, sqlx::Error> {
        let shelves = &self.shelves;
        let changed: Vec<_> = self
            .before
            .iter()
            .filter_map(|locked| {
                shelves.get(&locked.sku).filter(|now| **now != locked.shelf).map(|now| (&locked.sku, *now))
            })
            .collect();
        stock::save_shelves(db, &changed).await?;
        stock::append_ledger(db, &self.ledger).await?;
        let pick = |ids: &BTreeSet<OrderId>| ids.iter().filter_map(|id| self.reservations.get(id)).collect::<Vec<_>>();
        stock::insert_reservations(db, &pick(&self.inserted)).await?;
        let updated: BTreeSet<OrderId> = self.updated.difference(&self.inserted).copied().collect();
        stock::update_reservations(db, &pick(&updated)).await?;
        low_stock(&self.before, shelves)
    }
}

fn low_stock(before: &[LockedShelf], shelves: &Shelves) -> Result<Vec<Outgoing>, sqlx::Error> {
    let now: BTreeMap<&Sku, i64> = shelves.iter().map(|(sku, shelf)| (sku, shelf.available())).collect();
    before
        .iter()
        .filter_map(|locked| {
            let available = *now.get(&locked.sku)?;
            let threshold = locked.low_stock_threshold;
            (locked.shelf.available() > threshold && available <= threshold).then(|| {
                tracing::warn!(sku = %locked.sku, available, threshold, "stock is low");
                StockLow { sku: locked.sku.to_string(), available, threshold }
            })
        })
        .map(|low| {
            Outgoing::json(uuid::Uuid::now_v7(), names::EVENTS, "stock.low", "stock.low", &low)
                .map_err(|error| sqlx::Error::Encode(error.into()))
        })
        .collect()
}
