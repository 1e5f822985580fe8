//! What the shop has come to: collected from its books, told as text, as JSON, as a page.
//!
//! Everything in it is read from what is durable, so it is the same whoever asks, and whenever,
//! once the work is done. The invariant it guards: nothing is counted that is not on record.

mod collect;
mod facts;
mod page;
mod show;
mod steps;
mod text;

pub use facts::{
    Entry, RejectedLines, Report, Sales, StepFacts, Stock, StockRow, Totals, UnresolvedReturn,
};
pub use page::{is_page, page};
pub use show::Shown;
