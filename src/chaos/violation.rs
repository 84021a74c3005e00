//! A broken promise. Found by [`super::checks`], shown by [`super::report`].

/// Ids that are shown of a violation with many.
const SHOWN: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub promise: &'static str,
    pub found: String,
    pub ids: Vec<String>,
}

impl Violation {
    pub fn new(promise: &'static str, found: impl Into<String>, ids: Vec<String>) -> Self {
        Self { promise, found: found.into(), ids }
    }

    pub fn line(&self) -> String {
        let mut ids = self.ids.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        if self.ids.len() > SHOWN {
            ids.push_str(&format!(" and {} more", self.ids.len() - SHOWN));
        }
        format!("{}: {}{}{ids}", self.promise, self.found, if ids.is_empty() { "" } else { ": " })
    }
}
