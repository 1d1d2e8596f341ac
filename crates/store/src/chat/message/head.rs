//! How far a thread reaches in the database.

use surrealdb_types::{SurrealValue, Value};

use crate::{
    chat::{Chat, ChatError},
    query::Query,
    row::{int, natural},
    statement::Statement,
};

/// How many rows are looked at for the greatest number where there are holes.
const LOOKED_AT_MAX: u64 = 10_000;

/// The last message of a thread, and whether all before it are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The greatest number; zero where there is no message.
    pub seq: u64,
    /// How many numbers up to it have no row.
    pub missing: u64,
}

impl Chat {
    /// Returns the greatest number of a thread's messages.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn head(&self, thread: &str) -> Result<Head, ChatError> {
        let rows = self.count_above(thread, 0).await?;
        // Numbers begin at 1, so so many rows reach at least as far.
        let mut seq = rows;
        loop {
            let above = self.count_above(thread, seq).await?;
            if above == 0 && seq == rows {
                return Ok(Head { seq, missing: 0 });
            }
            if above == 0 {
                // Counted anew: others may have written since the first time, which is no hole.
                let present = self.count(thread, 0, seq).await?;
                return Ok(Head { seq, missing: seq.saturating_sub(present) });
            }
            seq = match above <= LOOKED_AT_MAX {
                true => self.greatest_above(thread, seq).await?,
                false => seq + above,
            };
        }
    }

    async fn count_above(&self, thread: &str, seq: u64) -> Result<u64, ChatError> {
        self.count(thread, seq, u64::MAX).await
    }

    /// Counts the messages after a number up to another one.
    async fn count(&self, thread: &str, after: u64, through: u64) -> Result<u64, ChatError> {
        let query = Query::of(Statement::CountMessages);
        #[derive(SurrealValue)]
        struct Counted {
            count: i64,
        }
        let query = query.bind("thread", thread.to_owned());
        let query = query.bind("seq", int(after)).bind("end", int(through));
        let counted: Vec<Counted> = self.client.run(&query).await?.rows(0)?;
        Ok(natural("count messages", counted.first().map_or(0, |row| row.count))?)
    }

    /// Returns the greatest number above this one, or this one.
    async fn greatest_above(&self, thread: &str, seq: u64) -> Result<u64, ChatError> {
        let query = Query::of(Statement::FindLast);
        let query = query.bind("thread", thread.to_owned());
        let query = query.bind("seq", int(seq)).bind("end", i64::MAX);
        let mut answer = self.client.run(&query).await?;
        let numbers: Vec<Value> = answer.rows(0)?;
        let greatest = numbers.into_iter().filter_map(|value| i64::from_value(value).ok()).max();
        Ok(greatest.map_or(Ok(seq), |number| natural("find the last message", number))?)
    }
}
