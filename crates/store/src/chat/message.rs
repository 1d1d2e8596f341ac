//! Messages as their thread's log has them: written in groups, read back, read by range.
//!
//! A page is a range of ids with both ends, and the head is found by counting: SurrealDB 3.0.0 reads
//! a range of ids to its end whatever `LIMIT` or `ORDER BY id DESC LIMIT 1` says, so that either costs
//! the whole thread. Counting reads no rows.

mod head;
mod page;
mod write;

use surrealdb_types::SurrealValue;

pub use self::{head::Head, page::Requested};
use super::difference::{Comparing, Difference};
use crate::{
    error::QueryError,
    row::{int, natural},
};

/// Most messages of a group.
pub const GROUP_MESSAGES_MAX: usize = 512;

/// Most bytes of a group's texts.
pub const GROUP_BYTES_MAX: usize = 2 << 20;

/// A message as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its thread.
    pub thread_id: String,
    /// Its number in the thread, from 1 without a hole.
    pub seq: u64,
    /// Its identity.
    pub message_id: String,
    /// Who sent it.
    pub author_id: String,
    /// What it says.
    pub body: String,
    /// References to what is attached, each one JSON as it was sent.
    pub attachments: Vec<String>,
    /// When it was taken, in milliseconds since 1970.
    pub created_at_ms: u64,
    /// The request that it came with.
    pub request_id: Option<String>,
    /// What the client relates it to.
    pub correlation_id: Option<String>,
}

impl Message {
    /// Returns how many bytes its texts have, as [`GROUP_BYTES_MAX`] counts.
    pub fn bytes(&self) -> usize {
        let options = [&self.request_id, &self.correlation_id];
        let optional: usize = options.into_iter().flatten().map(String::len).sum();
        let attached: usize = self.attachments.iter().map(String::len).sum();
        let ids = self.thread_id.len() + self.message_id.len() + self.author_id.len();
        ids + self.body.len() + attached + optional
    }

    /// Compares what is in the database with this one.
    fn difference(&self, theirs: &Message) -> Option<Difference> {
        Comparing::default()
            .field("thread_id", &self.thread_id, &theirs.thread_id)
            .field("seq", &self.seq, &theirs.seq)
            .field("message_id", &self.message_id, &theirs.message_id)
            .field("author_id", &self.author_id, &theirs.author_id)
            .field("body", &self.body, &theirs.body)
            .field("attachments", &self.attachments, &theirs.attachments)
            .field("created_at_ms", &self.created_at_ms, &theirs.created_at_ms)
            .field("request_id", &self.request_id, &theirs.request_id)
            .field("correlation_id", &self.correlation_id, &theirs.correlation_id)
            .end("message", format!("{} {}", self.thread_id, self.seq))
    }
}

/// A message as the database has it.
#[derive(Clone, Debug, SurrealValue)]
struct Row {
    thread_id: String,
    seq: i64,
    message_id: String,
    author_id: String,
    body: String,
    attachments: Vec<String>,
    created_at_ms: i64,
    request_id: Option<String>,
    correlation_id: Option<String>,
}

impl From<&Message> for Row {
    fn from(message: &Message) -> Self {
        Row {
            thread_id: message.thread_id.clone(),
            seq: int(message.seq),
            message_id: message.message_id.clone(),
            author_id: message.author_id.clone(),
            body: message.body.clone(),
            attachments: message.attachments.clone(),
            created_at_ms: int(message.created_at_ms),
            request_id: message.request_id.clone(),
            correlation_id: message.correlation_id.clone(),
        }
    }
}

impl TryFrom<Row> for Message {
    type Error = QueryError;

    fn try_from(row: Row) -> Result<Self, QueryError> {
        const OPERATION: &str = "read messages";
        Ok(Message {
            seq: natural(OPERATION, row.seq)?,
            created_at_ms: natural(OPERATION, row.created_at_ms)?,
            thread_id: row.thread_id,
            message_id: row.message_id,
            author_id: row.author_id,
            body: row.body,
            attachments: row.attachments,
            request_id: row.request_id,
            correlation_id: row.correlation_id,
        })
    }
}
