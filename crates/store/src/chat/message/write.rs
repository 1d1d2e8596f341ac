//! Writing a group and reading it back.
//!
//! Rows are read through their ids: in this version a `SELECT` of columns from a list of ids fails on
//! engines in the process.

use std::collections::HashMap;

use surrealdb_types::{RecordId, SurrealValue, Value};

use super::{GROUP_BYTES_MAX, GROUP_MESSAGES_MAX, Message, Row};
use crate::{
    chat::{Chat, ChatError, Written},
    query::{Query, id},
    row::{number, text},
    statement::Statement,
};

impl Chat {
    /// Writes messages under the ids that they decide, and reads them back: when it returns, the
    /// database has each of them with this content. They may be of several threads.
    ///
    /// Writing a message again is harmless. One that is there with another content stays as it is.
    ///
    /// # Errors
    /// Fails on a row with another content, and where the database does not take or keep the group.
    /// Then any part of it may have been written; the same call may be made again.
    ///
    /// # Cancel safety
    /// As with an error.
    pub async fn write(&self, messages: &[Message]) -> Result<(), ChatError> {
        if messages.is_empty() {
            return Ok(());
        }
        check(messages)?;
        let rows: Vec<Value> = messages.iter().map(row).collect();
        let ids: Vec<RecordId> = messages.iter().map(Message::id).collect();
        let query =
            Query::of(Statement::WriteMessages).bind("rows", rows).bind("ids", ids).urgent();
        let mut found = HashMap::with_capacity(messages.len());
        for row in self.client.run(&query).await?.rows::<Row>(1)? {
            let message = Message::try_from(row)?;
            found.insert((message.thread_id.clone(), message.seq), message);
        }
        for message in messages {
            let Some(theirs) = found.get(&(message.thread_id.clone(), message.seq)) else {
                let thread = message.thread_id.clone();
                return Err(ChatError::Lost { thread, what: Written::Message(message.seq) });
            };
            if let Some(difference) = message.difference(theirs) {
                return Err(ChatError::Differs(difference));
            }
        }
        Ok(())
    }
}

impl Message {
    fn id(&self) -> RecordId {
        id("message", vec![text(&self.thread_id), number(self.seq)])
    }
}

fn row(message: &Message) -> Value {
    let mut row = Row::from(message).into_value();
    if let Value::Object(fields) = &mut row {
        fields.insert("id", message.id());
    }
    row
}

fn check(messages: &[Message]) -> Result<(), ChatError> {
    if messages.len() > GROUP_MESSAGES_MAX {
        return Err(ChatError::Group("a group has at most 512 messages"));
    }
    if messages.iter().map(Message::bytes).sum::<usize>() > GROUP_BYTES_MAX {
        return Err(ChatError::Group("a group has at most 2 MiB of texts"));
    }
    match messages.iter().any(|message| message.seq == 0) {
        true => Err(ChatError::Group("a message's number is at least 1")),
        false => Ok(()),
    }
}
