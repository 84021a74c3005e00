//! What the verbs take that mend, give up, take back and erase.

use clap::Args;
use uuid::Uuid;

use super::{ChosenArgs, OperatorArgs};
use crate::config::DatabaseArgs;
use crate::domain::CustomerId;

#[derive(Args)]
pub struct EditArgs {
    #[command(flatten)]
    pub chosen: ChosenArgs,
    /// Set one value, as in items.0.sku=GADGET-01 or /email="ada@shop.example". Can be repeated.
    #[arg(long, value_name = "PATH=VALUE", conflicts_with = "patch")]
    pub set: Vec<String>,
    /// A file with a JSON Patch (RFC 6902); - for standard input.
    #[arg(long, value_name = "FILE")]
    pub patch: Option<String>,
    /// Program that opens the letter where neither --set nor --patch is given.
    #[arg(long, env = "EDITOR", default_value = "vi", value_name = "PROGRAM")]
    pub editor: String,
    /// Why, for the audit log.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct EraseArgs {
    /// Whose data.
    #[arg(long, value_name = "CUSTOMER-ID", value_parser = |text: &str| CustomerId::parse(text))]
    pub customer: CustomerId,
    /// Why, for the audit log. Without personal data: the log is never erased.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Args)]
pub struct DiscardArgs {
    #[arg(value_name = "ID", required = true)]
    pub ids: Vec<Uuid>,
    /// Why it is given up.
    #[arg(long, visible_alias = "reason", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub why: String,
    #[command(flatten)]
    pub by: OperatorArgs,
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}
