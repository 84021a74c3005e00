//! Sorts the words of new orders into their index. Else some order in ten thousand does it for all others, while its customer waits.

use sqlx::PgConnection;

use super::job::{Done, JobError};
use crate::store::order_search;

pub async fn run(db: &mut PgConnection) -> Result<Done, JobError> {
    order_search::merge_new_words(db).await?;
    Ok(Done::default())
}
