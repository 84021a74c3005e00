//! The live state of the fleet: `GET /api/v1/status`. `sources` asks the database and the broker, each part for itself and in bounded
//! time; `instances` reads the heartbeats, `queues` puts together what broker and consumers know; `troubles` says what is wrong.
//! Called by `intake::http::status`.

mod instances;
mod queues;
mod sources;
mod troubles;

pub use queues::QueueReader;
pub use sources::Sources;
