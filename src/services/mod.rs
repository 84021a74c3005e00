//! The workers, one file or folder each: this is where a newcomer reads the business.

pub mod analytics;
pub mod dead_letter_handler;
