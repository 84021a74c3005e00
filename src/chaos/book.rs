//! What the load generator remembers by itself: every order that somebody was told is accepted. Compared with the fleet's own data
//! by [`super::checks`].

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Http,
    Amqp,
}

#[derive(Default)]
struct Pages {
    accepted: HashMap<Uuid, Way>,
    last: Option<Instant>,
    longest_gap: Duration,
    answers: BTreeMap<String, u64>,
    problems: Vec<String>,
    waiting: usize,
    duplicates_sent: u64,
}

#[derive(Default)]
pub struct Book(Mutex<Pages>);

/// The figures for the report.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub accepted: BTreeMap<Way, usize>,
    /// What clients were answered, tries that were repeated included.
    pub answers: BTreeMap<String, u64>,
    pub longest_gap: Duration,
    pub duplicates_sent: u64,
}

impl Book {
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gaps count from here to [`Book::close`].
    pub fn open(&self) {
        self.pages().last = Some(Instant::now());
    }

    pub fn close(&self) {
        let mut pages = self.pages();
        let gap = pages.last.take().map_or(Duration::ZERO, |last| last.elapsed());
        pages.longest_gap = pages.longest_gap.max(gap);
    }

    pub fn accept(&self, id: Uuid, way: Way) {
        let mut pages = self.pages();
        pages.accepted.insert(id, way);
        if let Some(last) = pages.last.replace(Instant::now()).map(|last| last.elapsed()) {
            pages.longest_gap = pages.longest_gap.max(last);
        }
    }

    pub fn answered(&self, answer: impl Into<String>) {
        *self.pages().answers.entry(answer.into()).or_default() += 1;
    }

    /// Something that must never be seen by a client.
    pub fn problem(&self, words: impl Into<String>) {
        self.pages().problems.push(words.into());
    }

    pub fn duplicate_sent(&self) {
        self.pages().duplicates_sent += 1;
    }

    /// Clients that wait for an answer.
    pub fn wait(&self) {
        self.pages().waiting += 1;
    }

    pub fn served(&self) {
        self.pages().waiting -= 1;
    }

    pub fn waiting(&self) -> usize {
        self.pages().waiting
    }

    pub fn accepted(&self) -> HashMap<Uuid, Way> {
        self.pages().accepted.clone()
    }

    pub fn count(&self) -> usize {
        self.pages().accepted.len()
    }

    pub fn problems(&self) -> Vec<String> {
        self.pages().problems.clone()
    }

    pub fn figures(&self) -> Figures {
        let pages = self.pages();
        let mut accepted = BTreeMap::new();
        for way in pages.accepted.values() {
            *accepted.entry(*way).or_default() += 1;
        }
        Figures {
            accepted,
            answers: pages.answers.clone(),
            longest_gap: pages.longest_gap,
            duplicates_sent: pages.duplicates_sent,
        }
    }
}
