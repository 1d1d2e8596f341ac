//! Reading messages by their numbers.

use surrealdb_types::SurrealValue;

use super::{Message, Row};
use crate::{
    chat::{Amended, Chat, ChatError, PAGE_MAX},
    query::Query,
    row::{int, natural},
    statement::Statement,
};

/// Of what request a message came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// Who sent the message.
    pub author_id: String,
    /// The request; none where it had none.
    pub request_id: Option<String>,
    /// When it was taken, in milliseconds since 1970.
    pub created_at_ms: u64,
}

#[derive(Clone, Debug, SurrealValue)]
struct RequestRow {
    author_id: String,
    request_id: Option<String>,
    created_at_ms: i64,
}

impl Chat {
    /// Returns the messages after a number, in order and without a hole, at most so many, with what
    /// became of each. Fewer than the limit: that was the last one.
    ///
    /// # Errors
    /// Fails where a message is missing before another one, and where the database has no answer.
    pub async fn read(
        &self,
        thread: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Amended>, ChatError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let last = int(after).saturating_add(i64::try_from(limit).unwrap_or(i64::MAX));
        let query = Query::of(Statement::ReadMessages).bind("thread", thread.to_owned());
        let query = query.bind("after", int(after)).bind("last", last);
        let rows: Vec<Row> = self.client.run(&query).await?.rows(0)?;
        let mut messages = Vec::with_capacity(rows.len());
        let mut expected = after;
        for row in rows {
            expected += 1;
            let message = Message::try_from(row)?;
            if message.seq != expected {
                return Err(ChatError::Hole { thread: thread.to_owned(), seq: expected });
            }
            messages.push(message);
        }
        self.amended(thread, messages).await
    }

    /// Returns of what requests the messages after a number came, in order, of at most so many.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn requests(
        &self,
        thread: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Requested>, ChatError> {
        let last = int(after).saturating_add(i64::try_from(limit).unwrap_or(i64::MAX));
        let query = Query::of(Statement::ReadRequests).bind("thread", thread.to_owned());
        let query = query.bind("after", int(after)).bind("last", last);
        let rows: Vec<RequestRow> = self.client.run(&query).await?.rows(0)?;
        let read = rows.into_iter().map(|row| {
            let created_at_ms = natural("read requests", row.created_at_ms)?;
            Ok(Requested { author_id: row.author_id, request_id: row.request_id, created_at_ms })
        });
        read.collect()
    }

    /// Returns the messages that came of a request, the first one first: one, unless the thread's
    /// log forgot the first attempt amid the second.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn of_request(
        &self,
        thread: &str,
        author: &str,
        request_id: &str,
    ) -> Result<Vec<Message>, ChatError> {
        let query = Query::of(Statement::FindRequest);
        let query = query.bind("thread", thread.to_owned()).bind("author", author.to_owned());
        let query = query.bind("request", request_id.to_owned());
        let rows: Vec<Row> = self.client.run(&query).await?.rows(0)?;
        let messages: Result<Vec<_>, _> = rows.into_iter().map(Message::try_from).collect();
        let mut messages = messages?;
        messages.sort_by_key(|message| message.seq);
        Ok(messages)
    }

    /// Returns the number of a message by its id; the smallest, should two have it.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn seq_of(&self, thread: &str, message_id: &str) -> Result<Option<u64>, ChatError> {
        let query = Query::of(Statement::FindMessage);
        let query = query.bind("thread", thread.to_owned());
        let query = query.bind("message", message_id.to_owned());
        let found: Vec<i64> = self.client.run(&query).await?.rows(0)?;
        let smallest = found.into_iter().min();
        Ok(smallest.map(|seq| natural("find a message by its id", seq)).transpose()?)
    }
}
