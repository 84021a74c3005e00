//! How many streams a process serves, in all and of one order or customer. A place is taken when a stream begins and free when its
//! client has gone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use super::Subject;
use crate::telemetry::metrics;

/// There is no place for another stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    #[error("too many streams are open")]
    Process,
    #[error("too many streams of this are open")]
    Subject,
}

#[derive(Debug)]
pub(super) struct Places {
    total: usize,
    per_subject: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_subject: HashMap<Subject, usize>,
}

impl Places {
    pub fn new(total: usize, per_subject: usize) -> Arc<Self> {
        Arc::new(Self { total, per_subject, taken: Mutex::default() })
    }

    /// # Errors
    /// [`Full`] says of what there are too many.
    pub fn take(self: &Arc<Self>, subject: &Subject) -> Result<Place, Full> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= self.total {
            return Err(Full::Process);
        }
        let of_subject = taken.by_subject.entry(subject.clone()).or_default();
        if *of_subject >= self.per_subject {
            return Err(Full::Subject);
        }
        *of_subject += 1;
        taken.total += 1;
        metrics().live_streams.inc();
        Ok(Place { places: Arc::clone(self), subject: subject.clone() })
    }

    /// Streams that are open now.
    pub fn count(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

/// Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    subject: Subject,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total -= 1;
        metrics().live_streams.dec();
        if let Entry::Occupied(mut of_subject) = taken.by_subject.entry(self.subject.clone()) {
            *of_subject.get_mut() -= 1;
            if *of_subject.get() == 0 {
                of_subject.remove();
            }
        }
    }
}
