//! What stands in the books of the services, and whether it is what the documents say.
//!
//! It asks no service and no saga: it reads entries and adds them up. The invariant it guards: an
//! entry that belongs to no document, one too many and one too few are each a complaint.

mod books;
mod documents;
mod judge;

pub use books::{AuditError, Books, Ledger, Moves, PaymentAccount, ShelfAccount};
pub use documents::Documents;
pub use judge::judge;
