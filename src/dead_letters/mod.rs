//! Dead letters, as operators work with them: grouped by cause (`fingerprint`), understood (`case`, `view`,
//! `origin`, `consumers`), mended (`repair`, `repair_many`), brought back (`way_back`, `publish`, `replay`, `release`) or given up
//! (`deeds`, `erase`). The dead-letter-handler stores them; its command line and the API call this.

pub mod case;
pub mod consumers;
mod deeds;
pub mod erase;
pub mod fingerprint;
pub mod mask;
pub mod origin;
pub mod publish;
pub mod release;
pub mod repair;
pub mod repair_many;
pub mod replay;
pub mod view;
pub mod way_back;

pub use deeds::{Outcome, change_group, discard, restore, revealed};
