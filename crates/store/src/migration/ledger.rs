//! What the database says was applied, and whether that is what this program has.

use surrealdb_types::SurrealValue;
use tokio::time::Instant;

use super::file::{MigrationFile, files};
use crate::{client::Client, error::QueryError, query::Query, row::natural};

/// One applied file, as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq, SurrealValue)]
pub(crate) struct Entry {
    pub(crate) number: i64,
    pub(crate) name: String,
    pub(crate) sha256: String,
    pub(crate) applied_at_ms: i64,
}

/// A ledger that is not this program's; nothing is changed and nothing served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// A file was applied with another content, or under another name.
    #[error(
        "migration {number} was applied as `{applied}` with SHA-256 {applied_sha256}, but this \
         program has `{name}` with {sha256}: run the version that applied it, or use another \
         database; a released file must not be changed"
    )]
    Differs {
        /// Its number.
        number: u32,
        /// The name in the ledger.
        applied: String,
        /// The checksum in the ledger.
        applied_sha256: String,
        /// Our name.
        name: &'static str,
        /// Our checksum.
        sha256: String,
    },
    /// A newer program was here.
    #[error(
        "migration {number}, `{applied}`, is not known to this program: run a version that has it"
    )]
    Unknown {
        /// Its number.
        number: u64,
        /// The name in the ledger.
        applied: String,
    },
    /// A file was passed over.
    #[error(
        "migration {number} is missing in the ledger though a later one was applied: restore the \
         database from a backup"
    )]
    Hole {
        /// The missing number.
        number: u32,
    },
}

/// Reads the ledger, in order; empty where there is none.
pub(crate) async fn read(client: &Client, deadline: Instant) -> Result<Vec<Entry>, QueryError> {
    let query = Query::new(
        "read the ledger",
        "SELECT number, name, sha256, applied_at_ms FROM tidegate_migration ORDER BY number",
    );
    // Health asks for it, whatever else is asked for.
    match client.run_until(&query.urgent(), deadline).await {
        Ok(mut answer) => answer.rows(0),
        // No such table: nothing was ever applied.
        Err(QueryError::Other) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Compares a ledger with our files, and returns those that are still to be applied.
pub(crate) fn state(entries: &[Entry]) -> Result<&'static [MigrationFile], LedgerFault> {
    compare(entries, files())
}

fn compare<'a>(
    entries: &[Entry],
    files: &'a [MigrationFile],
) -> Result<&'a [MigrationFile], LedgerFault> {
    for (index, entry) in entries.iter().enumerate() {
        let number = natural("read the ledger", entry.number).unwrap_or(0);
        let Some(file) = files.get(index) else {
            return Err(LedgerFault::Unknown { number, applied: entry.name.clone() });
        };
        if number != u64::from(file.number) {
            return Err(LedgerFault::Hole { number: file.number });
        }
        if entry.name != file.name || entry.sha256 != file.sha256() {
            return Err(LedgerFault::Differs {
                number: file.number,
                applied: entry.name.clone(),
                applied_sha256: entry.sha256.clone(),
                name: file.name,
                sha256: file.sha256(),
            });
        }
    }
    Ok(&files[entries.len().min(files.len())..])
}

#[cfg(test)]
mod tests;
