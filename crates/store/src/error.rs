//! What can go wrong with the database as such, and what to do about it.
//!
//! No text holds a password, or a row's content: of what the database says in refusing a statement the
//! words before the first value stay.

use std::{path::PathBuf, time::Duration};

use crate::migration::LedgerFault;

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nobody answers there; whether something was written is not known.
    #[error(
        "the database can't be reached ({what}): see that it runs and that the address is right"
    )]
    Unreachable {
        /// What the connection said.
        what: String,
    },
    /// Nobody answers there, for longer than a call waits; nothing was sent.
    #[error(
        "the database has been away for some time ({what}): see that it runs and that the address is \
         right"
    )]
    Away {
        /// What the connection said last.
        what: String,
    },
    /// It answers, and does not know us.
    #[error("the database refuses our credentials: check SURREAL_USER and SURREAL_PASS")]
    Refused,
    /// It did not answer in time; whether something was written is not known.
    #[error("the database did not answer within {} ms: see its load, and the way to it", .after.as_millis())]
    Late {
        /// How long was waited.
        after: Duration,
    },
    /// Every attempt met another transaction.
    #[error("{attempts} attempts met other transactions on the same rows: try again later")]
    Conflict {
        /// How many.
        attempts: u32,
    },
    /// What was to be sent, or what came, has more bytes than are taken.
    #[error(
        "{bytes} bytes are more than the {bytes_max} that a query may have: use smaller groups"
    )]
    TooLarge {
        /// How many there were.
        bytes: usize,
        /// How many there may be.
        bytes_max: usize,
    },
    /// Another database answers than the one that was opened, or it lost what it had.
    #[error(
        "the database is not the one that was opened (it was emptied, or another one answers at its \
         address): bring the right one back, or restart to begin with this one"
    )]
    Other,
    /// This process was away for so long that another took the database over.
    #[error(
        "another process took the database over while this one did not renew its place: restart this \
         one, or use CHAT_REALTIME_TRANSPORT=redis for more than one process"
    )]
    Taken,
    /// The statement itself is refused.
    #[error("the database refuses `{operation}` ({kind}): {what}")]
    Rejected {
        /// Which operation of ours.
        operation: &'static str,
        /// The database's word for the kind of refusal.
        kind: &'static str,
        /// The beginning of what it said, without values.
        what: String,
    },
    /// The answer is not what the statement answers.
    #[error("the answer to `{operation}` can't be read: {what}")]
    Damaged {
        /// Which operation of ours.
        operation: &'static str,
        /// What was found.
        what: String,
    },
    /// The store was closed.
    #[error("the store was closed")]
    Closed,
}

impl QueryError {
    /// Returns whether the same call may succeed later without anybody changing anything here.
    pub fn is_outage(&self) -> bool {
        match self {
            QueryError::Unreachable { .. }
            | QueryError::Away { .. }
            | QueryError::Late { .. }
            | QueryError::Conflict { .. }
            | QueryError::Refused
            | QueryError::Other
            | QueryError::Taken => true,
            QueryError::TooLarge { .. }
            | QueryError::Rejected { .. }
            | QueryError::Damaged { .. }
            | QueryError::Closed => false,
        }
    }
}

/// Why a process does not get its place on a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnError {
    /// The database has no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Another process serves it.
    #[error(
        "the process `{by}` serves this database{}: stop it, or give all of them one Redis \
         (CHAT_REALTIME_TRANSPORT=redis)",
        if *.alone { " alone" } else { " with others" }
    )]
    Held {
        /// The name of that process.
        by: String,
        /// Whether it must be alone.
        alone: bool,
    },
    /// Another process shares the database, and keeps the logs of threads in another place: both would
    /// give the same numbers.
    #[error(
        "the process `{by}` serves this database and keeps its logs under another prefix: all \
         processes of one database need the same CHAT_REALTIME_CHANNEL_PREFIX; to change it, stop \
         all of them first"
    )]
    Elsewhere {
        /// The name of that process.
        by: String,
    },
}

/// Why a store can't be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The database has no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The folder can't be made or written.
    #[error("the folder {} can't be used: {what}", .folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// What the system said.
        what: String,
    },
    /// Another process has the folder open.
    #[error(
        "another process has the database in {} open: stop it, or give each process a folder of its \
         own (REALTIME_STATE_DIR)",
        .folder.display()
    )]
    Locked {
        /// Which.
        folder: PathBuf,
    },
    /// The ledger of migrations is not that of this program.
    #[error(transparent)]
    Ledger(#[from] LedgerFault),
}
