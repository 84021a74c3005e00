//! Dead letters, as operators work with them: grouped by cause (`fingerprint`), understood (`case`, `origin`, `subject`,
//! `consumers`), brought back (`way_back`, `publish`, `replay`) or given up (`deeds`). The dead-letter-handler stores them; its command line and the API call this.

pub mod case;
pub mod consumers;
mod deeds;
pub mod fingerprint;
pub mod mask;
pub mod origin;
pub mod publish;
pub mod replay;
pub mod subject;
pub mod way_back;

pub use deeds::{change_group, discard};
