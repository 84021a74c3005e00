//! What the catalogue said of the products of earlier orders. It saves asking for every batch; whether it still holds is found out when the
//! orders are stored. Used by `accept`.

use std::sync::{Mutex, PoisonError};

use super::accept::{Submission, skus};
use crate::domain::catalogue::Catalogue;

/// Most products that are remembered: some megabytes.
const MOST: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Listings(Mutex<Catalogue>);

impl Listings {
    /// The listings of all products that the submissions want; `None` when one is not known here.
    pub fn of(&self, submissions: &[&Submission]) -> Option<Catalogue> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        skus(submissions).map(|sku| Some((sku.clone(), known.get(sku)?.clone()))).collect()
    }

    pub fn learn(&self, catalogue: &Catalogue) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() + catalogue.len() > MOST {
            known.clear();
        }
        known.extend(catalogue.iter().map(|(sku, listing)| (sku.clone(), listing.clone())));
    }
}
