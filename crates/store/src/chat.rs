//! The chat's long memory: threads, messages under `[thread, seq]`, amendments, members and read
//! cursors.
//!
//! Rows are either written once and never changed, or facts of which the greatest counts: then it
//! does not matter who else writes at the same time, and whatever a fenced writer still sends.

mod amendment;
mod difference;
mod member;
mod message;
mod read_cursor;
mod thread;

use std::{fmt, sync::Arc};

pub use self::{
    amendment::{Amended, Amendment},
    difference::Difference,
    member::{Member, MemberPage, Standing},
    message::{GROUP_BYTES_MAX, GROUP_MESSAGES_MAX, Head, Message, Requested},
    thread::{Privacy, Thread, ThreadPage},
};
use crate::{client::Client, error::QueryError};

/// Most rows of a page.
pub const PAGE_MAX: usize = 1000;

/// The chat's rows in one database.
#[derive(Clone)]
pub struct Chat {
    client: Arc<Client>,
}

impl Chat {
    pub(crate) fn new(client: Arc<Client>) -> Self {
        Chat { client }
    }
}

/// What was written of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// The thread itself.
    Thread,
    /// The message of this number.
    Message(u64),
    /// An edit or a deletion of the message of this number.
    Amendment(u64),
    /// How a user stands to it.
    Standing,
    /// How far a user has read.
    ReadCursor,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Written::Thread => f.write_str("the row"),
            Written::Message(seq) => write!(f, "message {seq}"),
            Written::Amendment(seq) => write!(f, "a change of message {seq}"),
            Written::Standing => f.write_str("a member's standing"),
            Written::ReadCursor => f.write_str("a read cursor"),
        }
    }
}

/// Why a call on the chat's rows failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// The database has no answer.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A row has another content than what was written under its id. Nothing was changed; somebody
    /// else writes to this thread, or the log and the database are of different pasts.
    #[error("{0}")]
    Differs(Difference),
    /// What was written is not there when it is read back.
    #[error("{what} of thread `{thread}` was written and is not there: write it again")]
    Lost {
        /// The thread.
        thread: String,
        /// What of it.
        what: Written,
    },
    /// A message is missing between others.
    #[error("message {seq} of thread `{thread}` is missing though a later one is there")]
    Hole {
        /// The thread.
        thread: String,
        /// The first missing number.
        seq: u64,
    },
    /// A group that can't be written as it is.
    #[error("{0}")]
    Group(&'static str),
}
