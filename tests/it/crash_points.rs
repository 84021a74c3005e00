//! Every role dies at every boundary where its work changes hands, is started again, and nothing is lost or doubled.
//!
//! Real processes of a build with the feature `crash-points`: `fleet`, and the replay of `dead-letter-handler`.

pub mod books;
mod lane;
mod pairs;
mod poison;
pub mod programs;
mod replay;
mod stimuli;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;

use lane::Lane;
use pairs::Pair;
use programs::Programs;

/// Walks at the same time, each on a broker and a database of its own: most of a walk is waiting.
const LANES: usize = 4;

async fn walk(programs: Programs, pairs: Arc<Mutex<VecDeque<Pair>>>) -> usize {
    let mut lane = Lane::set(programs).await;
    let mut walked = 0;
    loop {
        let next = pairs.lock().expect("not poisoned").pop_front();
        let Some(pair) = next else { break };
        match pair.role {
            "replay" => lane.die_in_replay(pair).await,
            _ => lane.die(pair).await,
        }
        walked += 1;
    }
    walked
}

#[tokio::test]
async fn every_role_dies_at_every_boundary_it_passes_and_nothing_is_lost_or_doubled() {
    let programs = Programs::build().await;
    let all = pairs::all();
    assert_eq!(all.len(), pairs::COUNT, "a boundary was added or has gone: walk it, then correct the count");
    let open = Arc::new(Mutex::new(all.into_iter().collect::<VecDeque<_>>()));
    let lanes = (0..LANES).map(|_| walk(programs.clone(), Arc::clone(&open)));
    let walked: usize = join_all(lanes).await.into_iter().sum();
    assert_eq!(walked, pairs::COUNT);
    eprintln!("{walked} crash points passed: {walked} processes died and were started again");
}
