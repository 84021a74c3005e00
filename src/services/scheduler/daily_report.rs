//! Once a day, soon after midnight UTC: yesterday in figures, kept as the detail of the run and written to the log.

use sqlx::PgConnection;

use super::job::{Done, JobError};
use crate::store::scheduler::yesterday;

pub async fn run(db: &mut PgConnection) -> Result<Done, JobError> {
    match yesterday(db).await? {
        None => Ok(Done::default()),
        Some(report) => Ok(Done { count: 1, detail: report, wakes_relay: false }),
    }
}
