//! What became of a message after it was sent.
//!
//! Facts under `[thread, seq, rank, at_ms, fact]`, of which the greatest counts: whatever the order in
//! which they are written, a deletion stands above every edit, and a later edit above an earlier one.

use std::collections::BTreeMap;

use surrealdb_types::{RecordId, RecordIdKey, SurrealValue, Value};
use ulid::Ulid;

use super::{Chat, ChatError, Message, Written};
use crate::{
    error::QueryError,
    query::{Query, id},
    row::{int, natural, number, text},
    statement::Statement,
};

/// A change of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amendment {
    /// It says something else.
    Edited {
        /// What it says now.
        body: String,
        /// When that was done, in milliseconds since 1970.
        at_ms: u64,
    },
    /// It is not to be shown any more.
    Deleted {
        /// When that was done, in milliseconds since 1970.
        at_ms: u64,
    },
}

/// A message with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amended {
    /// The message as it was sent.
    pub message: Message,
    /// The amendment that counts.
    pub amendment: Option<Amendment>,
}

impl Amended {
    /// Returns what it says now; nothing where it was deleted.
    pub fn body(&self) -> &str {
        match &self.amendment {
            None => &self.message.body,
            Some(Amendment::Edited { body, .. }) => body,
            Some(Amendment::Deleted { .. }) => "",
        }
    }

    /// Returns when it was edited.
    pub fn edited_at_ms(&self) -> Option<u64> {
        match self.amendment {
            Some(Amendment::Edited { at_ms, .. }) => Some(at_ms),
            _ => None,
        }
    }

    /// Returns when it was deleted.
    pub fn deleted_at_ms(&self) -> Option<u64> {
        match self.amendment {
            Some(Amendment::Deleted { at_ms }) => Some(at_ms),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, SurrealValue)]
struct Row {
    id: RecordId,
    body: Option<String>,
}

const EDITED: u64 = 0;
const DELETED: u64 = 1;

impl Chat {
    /// Adds an amendment and returns the one that counts now: a deletion, or the latest edit. Edits
    /// that do not count any more are removed.
    ///
    /// Whether there is such a message, and who may amend it, is the caller's business.
    ///
    /// # Errors
    /// Fails where the database does not take or keep it.
    pub async fn amend(
        &self,
        thread: &str,
        seq: u64,
        amendment: &Amendment,
    ) -> Result<Amendment, ChatError> {
        let (kind, rank, at_ms, body) = match amendment {
            Amendment::Edited { body, at_ms } => ("edited", EDITED, *at_ms, Some(body.clone())),
            Amendment::Deleted { at_ms } => ("deleted", DELETED, *at_ms, None),
        };
        let fact = text(&Ulid::generate().to_string());
        let key = vec![text(thread), number(seq), number(rank), number(at_ms), fact];
        let ours = id("amendment", key);
        let query = Query::of(Statement::Amend)
            .bind("id", ours.clone())
            .bind("kind", kind.to_owned())
            .bind("body", body)
            .bind("thread", thread.to_owned())
            .bind("seq", int(seq));
        let rows: Vec<Row> = self.client.run(&query).await?.rows(1)?;
        // It is there, or one above it is: that one may already have removed it.
        let is_kept = |row: &&Row| row.id >= ours;
        let greatest = rows.iter().max_by(|a, b| a.id.cmp(&b.id)).filter(is_kept);
        let lost = || ChatError::Lost { thread: thread.to_owned(), what: Written::Amendment(seq) };
        let greatest = greatest.ok_or_else(lost)?;
        if rows.len() > 1 {
            self.remove_below(thread, seq, &greatest.id).await?;
        }
        Ok(read(greatest.clone())?.1)
    }

    async fn remove_below(
        &self,
        thread: &str,
        seq: u64,
        greatest: &RecordId,
    ) -> Result<(), ChatError> {
        let query = Query::of(Statement::RemoveAmendments);
        let query = query.bind("thread", thread.to_owned()).bind("seq", int(seq));
        let query = query.bind("k", parts(greatest).to_vec());
        self.client.run(&query).await?;
        Ok(())
    }

    /// Adds to each message what became of it.
    pub(super) async fn amended(
        &self,
        thread: &str,
        messages: Vec<Message>,
    ) -> Result<Vec<Amended>, ChatError> {
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
            return Ok(Vec::new());
        };
        let query = Query::of(Statement::ReadAmendments);
        let query = query.bind("thread", thread.to_owned()).bind("first", int(first.seq));
        let query = query.bind("end", int(last.seq.saturating_add(1)));
        let mut rows: Vec<Row> = self.client.run(&query).await?.rows(0)?;
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        let mut amendments = BTreeMap::new();
        for row in rows {
            let (seq, amendment) = read(row)?;
            amendments.insert(seq, amendment);
        }
        let amend = |message: Message| {
            let amendment = amendments.remove(&message.seq);
            Amended { message, amendment }
        };
        Ok(messages.into_iter().map(amend).collect())
    }
}

fn parts(id: &RecordId) -> &[Value] {
    match &id.key {
        RecordIdKey::Array(parts) => parts,
        _ => &[],
    }
}

fn rank_of(row: &Row) -> Result<u64, QueryError> {
    part(&row.id, 2)
}

fn part(id: &RecordId, index: usize) -> Result<u64, QueryError> {
    let damaged = || QueryError::Damaged {
        operation: "read amendments",
        what: "an id without its parts".into(),
    };
    let value = parts(id).get(index).cloned().ok_or_else(damaged)?;
    natural("read amendments", i64::from_value(value).map_err(|_| damaged())?)
}

fn read(row: Row) -> Result<(u64, Amendment), QueryError> {
    let (seq, rank, at_ms) = (part(&row.id, 1)?, rank_of(&row)?, part(&row.id, 3)?);
    let amendment = match row.body {
        Some(body) if rank == EDITED => Amendment::Edited { body, at_ms },
        _ => Amendment::Deleted { at_ms },
    };
    Ok((seq, amendment))
}
