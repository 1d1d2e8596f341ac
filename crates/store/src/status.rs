//! What a database is and what was applied to it.

use crate::migration::{Entry, LedgerFault};

/// What `tidegate store status` and health say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreStatus {
    /// `memory`, `embedded` or `surreal`.
    pub backend: &'static str,
    /// The version of SurrealDB that answers.
    pub version: String,
    /// The storage engine; not known of a server, which does not tell.
    pub engine: Option<&'static str>,
    /// The migration checksum of this program.
    pub checksum: String,
    /// What was applied, in order.
    pub applied: Vec<Applied>,
    /// Whether that is what this program has.
    pub ledger: LedgerState,
}

/// One applied migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: i64,
    /// The name of its file.
    pub name: String,
    /// Its SHA-256.
    pub sha256: String,
    /// When that was, in milliseconds since 1970.
    pub at_ms: i64,
}

/// How a ledger compares with this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerState {
    /// Everything was applied.
    Current,
    /// These files were not yet applied; the next start does that.
    Behind(Vec<&'static str>),
    /// It is not this program's; a start is refused.
    Refused(LedgerFault),
}

impl From<Entry> for Applied {
    fn from(entry: Entry) -> Self {
        let Entry { number, name, sha256, applied_at_ms } = entry;
        Applied { number, name, sha256, at_ms: applied_at_ms }
    }
}
