//! Stock: how a batch of requests is decided against what is on the shelf. Pure; the inventory-service locks, calls this, stores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sku;

/// So many units of one product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = StockLine)]
pub struct Line {
    pub sku: Sku,
    #[schema(minimum = 1)]
    pub quantity: u32,
}

/// The state of one order's reservation. No row yet is `None` of this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationStatus {
    Reserved,
    Committed,
    /// Given back, or released before it was ever made: a later request to reserve is refused.
    Released,
    Rejected,
    /// Sold and given back; a sale that arrives later changes nothing any more.
    Returned,
}

impl ReservationStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Committed => "committed",
            Self::Released => "released",
            Self::Rejected => "rejected",
            Self::Returned => "returned",
        }
    }

    pub const ALL: [Self; 5] = [Self::Reserved, Self::Committed, Self::Released, Self::Rejected, Self::Returned];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// Units of one product: physically there, and promised to orders that are not yet paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Shelf {
    pub on_hand: i64,
    pub reserved: i64,
}

impl Shelf {
    pub fn available(self) -> i64 {
        self.on_hand - self.reserved
    }
}

/// The shelves a batch works on, by product.
pub type Shelves = BTreeMap<Sku, Shelf>;

/// What moves on a shelf; each becomes one row of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    Reserve,
    Release,
    Commit,
    Return,
}

impl Movement {
    pub const ALL: [Self; 4] = [Self::Reserve, Self::Release, Self::Commit, Self::Return];

    /// What one unit does to a shelf: on hand, reserved.
    pub fn effect(self) -> (i64, i64) {
        match self {
            Self::Reserve => (0, 1),
            Self::Release => (0, -1),
            Self::Commit => (-1, -1),
            Self::Return => (1, 0),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Release => "release",
            Self::Commit => "commit",
            Self::Return => "return",
        }
    }
}

/// Kinds of movements that people make; the others are those of orders ([`Movement`]).
const BY_HAND: [(&str, (i64, i64)); 2] = [("initial", (1, 0)), ("adjust", (1, 0))];

/// Every kind of movement in the ledger, with what one unit of it does to a shelf: on hand, reserved.
pub fn movement_kinds() -> impl Iterator<Item = (&'static str, (i64, i64))> {
    BY_HAND.into_iter().chain(Movement::ALL.into_iter().map(|movement| (movement.as_str(), movement.effect())))
}

/// Reserves all lines or none. The error lists the products that fall short or are unknown.
///
/// # Errors
/// The skus whose shelf has fewer units available than the lines ask for together.
pub fn reserve(shelves: &mut Shelves, lines: &[Line]) -> Result<(), Vec<Sku>> {
    let mut wanted: BTreeMap<&Sku, i64> = BTreeMap::new();
    for line in lines {
        *wanted.entry(&line.sku).or_default() += i64::from(line.quantity);
    }
    let short: Vec<Sku> = wanted
        .iter()
        .filter(|(sku, quantity)| shelves.get(**sku).is_none_or(|shelf| shelf.available() < **quantity))
        .map(|(sku, _)| (*sku).clone())
        .collect();
    if !short.is_empty() {
        return Err(short);
    }
    for line in lines {
        if let Some(shelf) = shelves.get_mut(&line.sku) {
            shelf.reserved += i64::from(line.quantity);
        }
    }
    Ok(())
}

/// Gives reserved units back to the shelf.
pub fn release(shelves: &mut Shelves, lines: &[Line]) {
    for line in lines {
        if let Some(shelf) = shelves.get_mut(&line.sku) {
            shelf.reserved -= i64::from(line.quantity);
        }
    }
}

/// Takes reserved units off the shelf: they are sold.
pub fn commit(shelves: &mut Shelves, lines: &[Line]) {
    for line in lines {
        if let Some(shelf) = shelves.get_mut(&line.sku) {
            shelf.reserved -= i64::from(line.quantity);
            shelf.on_hand -= i64::from(line.quantity);
        }
    }
}

/// Puts sold units back on the shelf.
pub fn put_back(shelves: &mut Shelves, lines: &[Line]) {
    for line in lines {
        if let Some(shelf) = shelves.get_mut(&line.sku) {
            shelf.on_hand += i64::from(line.quantity);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sku(name: &str) -> Sku {
        Sku::parse(name).expect("valid")
    }

    fn line(name: &str, quantity: u32) -> Line {
        Line { sku: sku(name), quantity }
    }

    #[test]
    fn an_order_gets_all_its_lines_or_none() {
        let mut shelves = Shelves::from([
            (sku("A"), Shelf { on_hand: 5, reserved: 0 }),
            (sku("B"), Shelf { on_hand: 1, reserved: 0 }),
        ]);
        assert_eq!(reserve(&mut shelves, &[line("A", 2), line("B", 2), line("C", 1)]), Err(vec![sku("B"), sku("C")]));
        assert_eq!(shelves[&sku("A")].reserved, 0);
        assert_eq!(reserve(&mut shelves, &[line("A", 2), line("A", 4)]), Err(vec![sku("A")]));
        assert_eq!(reserve(&mut shelves, &[line("A", 2), line("B", 1)]), Ok(()));
        assert_eq!(shelves[&sku("B")].available(), 0);
    }

    #[test]
    fn a_movement_has_the_effect_of_the_function_that_makes_it() {
        for movement in Movement::ALL {
            let before = Shelf { on_hand: 2, reserved: 1 };
            let mut shelves = Shelves::from([(sku("A"), before)]);
            match movement {
                Movement::Reserve => reserve(&mut shelves, &[line("A", 1)]).expect("there"),
                Movement::Release => release(&mut shelves, &[line("A", 1)]),
                Movement::Commit => commit(&mut shelves, &[line("A", 1)]),
                Movement::Return => put_back(&mut shelves, &[line("A", 1)]),
            }
            let now = shelves[&sku("A")];
            assert_eq!((now.on_hand - before.on_hand, now.reserved - before.reserved), movement.effect());
        }
    }

    proptest! {
        #[test]
        fn units_are_neither_made_nor_lost_nor_oversold(orders in prop::collection::vec((1_u32..20, 0_u8..4), 0..60)) {
            let start = 200;
            let mut shelves = Shelves::from([(sku("A"), Shelf { on_hand: start, reserved: 0 })]);
            let mut sold = 0;
            for (quantity, fate) in orders {
                let lines = [line("A", quantity)];
                if reserve(&mut shelves, &lines).is_ok() {
                    match fate {
                        0 => release(&mut shelves, &lines),
                        1 => { commit(&mut shelves, &lines); sold += i64::from(quantity); }
                        2 => { commit(&mut shelves, &lines); put_back(&mut shelves, &lines); }
                        _ => {}
                    }
                }
                let shelf = shelves[&sku("A")];
                prop_assert!(shelf.available() >= 0 && shelf.reserved >= 0 && shelf.on_hand >= 0);
                prop_assert_eq!(shelf.on_hand + sold, start);
            }
        }
    }
}
