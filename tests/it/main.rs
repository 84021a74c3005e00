//! The one integration binary: a module per journey.
mod cli;
