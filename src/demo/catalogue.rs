//! The products of the demonstration, a small shop for tea. Read by [`super::orders`] and [`super::run`].

/// A product as it is put into the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct NewProduct {
    pub sku: &'static str,
    pub name: &'static str,
    /// Cents: exact, and a constant.
    pub cents: u32,
    pub stock: i64,
    pub low_stock_threshold: i64,
}

impl NewProduct {
    /// `7.90`.
    pub fn price(&self) -> String {
        format!("{}.{:02}", self.cents / 100, self.cents % 100)
    }
}

const fn product(sku: &'static str, name: &'static str, cents: u32, stock: i64) -> NewProduct {
    NewProduct { sku, name, cents, stock, low_stock_threshold: 0 }
}

/// What most orders are about; of each there is enough for all of them.
pub const REGULAR: [NewProduct; 5] = [
    product("TEA-ASSAM-250", "Assam tea, 250 g", 790, 150),
    product("HONEY-500", "Honey, 500 g", 980, 120),
    product("MUG-BLUE", "Mug, blue", 1250, 90),
    product("KETTLE-17", "Kettle, 1.7 l", 4900, 80),
    // Falls to its threshold on the way, once: the event stock.low
    NewProduct { low_stock_threshold: 45, ..product("TEAPOT-IRON", "Teapot, cast iron", 6495, 60) },
];

/// Of this there is too little for the order that asks for it.
pub const SCARCE: NewProduct = product("SAMOVAR-BRASS", "Samovar, brass", 38_900, 2);

/// Ordered before it is in the catalogue.
pub const FORGOTTEN: NewProduct = product("MATCHA-30", "Matcha, 30 g", 2400, 10);

/// Products that fall to their low-stock threshold; each announces it once.
pub const FALLING_LOW: i64 = 1;

/// What the shop sells from the start.
pub fn at_start() -> impl Iterator<Item = NewProduct> {
    REGULAR.into_iter().chain([SCARCE])
}
