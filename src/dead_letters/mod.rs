//! Dead letters, as operators work with them: grouped by cause (`fingerprint`), understood (`case`, `view`,
//! `origin`, `consumers`), mended (`repair`, `repair_many`), brought back (`way_back`, `publish`, `replay`, `release`) or given up
//! (`deeds`, `erase`). The dead-letter-handler stores them as `arrival` reads them; its command line and the API call this. `stops` and
//! `drain` keep messages from their consumers.

pub mod arrival;
mod by;
pub mod case;
pub mod consumers;
mod deeds;
pub mod drain;
pub mod erase;
pub mod fingerprint;
pub mod mask;
pub mod origin;
pub mod publish;
pub mod release;
pub mod repair;
pub mod repair_many;
pub mod replay;
pub mod stops;
pub mod view;
pub mod way_back;

pub use by::By;
pub use deeds::{Outcome, change_group, discard, restore, revealed};
