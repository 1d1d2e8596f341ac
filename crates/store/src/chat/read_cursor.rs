//! How far a user has read a thread: facts under `[thread, user, seq]`, of which the greatest counts.

use surrealdb_types::{RecordId, RecordIdKey, SurrealValue, Value};

use super::{Chat, ChatError, Written};
use crate::{
    error::QueryError,
    query::{Query, id},
    row::{int, natural, number, text},
    statement::Statement,
};

const OPERATION: &str = "keep a read cursor";

impl Chat {
    /// Moves a user's read cursor forward and returns where it is; it never moves back.
    ///
    /// # Errors
    /// Fails where the database does not take or keep it.
    pub async fn advance_read_cursor(
        &self,
        thread: &str,
        user: &str,
        seq: u64,
    ) -> Result<u64, ChatError> {
        let key = vec![text(thread), text(user), number(seq)];
        let query = Query::of(Statement::WriteReadCursor).bind("id", id("read_cursor", key));
        self.client.run(&query).await?;
        let cursors = self.cursors(thread, user).await?;
        let greatest = cursors.iter().copied().max().unwrap_or(0);
        if greatest < seq {
            return Err(ChatError::Lost { thread: thread.to_owned(), what: Written::ReadCursor });
        }
        if cursors.len() > 1 {
            let query = Query::of(Statement::RemoveReadCursors);
            let query = query.bind("thread", thread.to_owned()).bind("user", user.to_owned());
            self.client.run(&query.bind("seq", int(greatest))).await?;
        }
        Ok(greatest)
    }

    /// Returns where a user's read cursor is; zero where there is none.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn read_cursor(&self, thread: &str, user: &str) -> Result<u64, ChatError> {
        Ok(self.cursors(thread, user).await?.into_iter().max().unwrap_or(0))
    }

    async fn cursors(&self, thread: &str, user: &str) -> Result<Vec<u64>, ChatError> {
        let query = Query::of(Statement::ReadCursor);
        let query = query.bind("thread", thread.to_owned()).bind("user", user.to_owned());
        let query = query.bind("end", i64::MAX);
        let ids: Vec<RecordId> = self.client.run(&query).await?.rows(0)?;
        let seqs: Result<_, QueryError> = ids.into_iter().map(|id| seq_of(&id)).collect();
        Ok(seqs?)
    }
}

fn seq_of(id: &RecordId) -> Result<u64, QueryError> {
    let last: Option<Value> = match &id.key {
        RecordIdKey::Array(parts) => parts.last().cloned(),
        _ => None,
    };
    let seq = last.and_then(|value| i64::from_value(value).ok());
    let what = || "an id without its number".to_owned();
    let damaged = || QueryError::Damaged { operation: OPERATION, what: what() };
    natural(OPERATION, seq.ok_or_else(damaged)?)
}
