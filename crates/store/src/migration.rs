//! Migrations: numbered files, the ledger of those that the database has, and applying the others.
//!
//! To add one, add a file with the next number to `migrations/` and to [`FILES`]. A file that was
//! released is never changed: a start is refused where the ledger knows it by another checksum. Each
//! statement can be repeated, since a process may end amid a file.

mod apply;
mod file;
mod ledger;
mod turn;

pub(crate) use self::{
    apply::{migrate, read_mark},
    ledger::{Entry, read, state},
    turn::ROW_SECONDS,
};
pub use self::{
    file::{MigrationFile, checksum, files},
    ledger::LedgerFault,
};
