//! How an order left the warehouse: with whom, and under which number it can be followed.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::{Carrier, TrackingNumber};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shipment {
    pub carrier: Carrier,
    pub tracking_number: TrackingNumber,
    #[serde(with = "time::serde::rfc3339")]
    pub shipped_at: OffsetDateTime,
}

impl Shipment {
    /// Whether both tell of one parcel, whenever each was reported and in whatever case it was typed.
    pub fn is_same_parcel(&self, other: &Self) -> bool {
        self.tracking_number.as_str().eq_ignore_ascii_case(other.tracking_number.as_str())
            && self.carrier.as_str().eq_ignore_ascii_case(other.carrier.as_str())
    }
}
