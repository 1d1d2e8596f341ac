//! What stands under a thread, and removing all of it.

use surrealdb_types::{RecordId, RecordIdKey, SurrealValue, Value};

use crate::{error::QueryError, query::Query, store::Store};

/// The tables in which a thread has rows.
pub const TABLES: [&str; 5] = ["thread", "message", "amendment", "membership", "read_cursor"];

/// Rows of a thread that are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The table.
    pub table: &'static str,
    /// How many.
    pub rows: u64,
}

#[derive(SurrealValue)]
struct Counted {
    count: i64,
}

impl Store {
    /// Removes a thread with all that stands under it. What uses the thread may write it again, so
    /// nobody may use it any more.
    ///
    /// # Errors
    /// Fails where the database has no answer; a part may have been removed.
    pub async fn forget_thread(&self, thread: &str) -> Result<(), QueryError> {
        // A list stands above every text and number, so that this is all that begins so.
        let below = |table: &&str| format!("DELETE {table}:[$thread]..[$thread, []] RETURN NONE");
        let below: Vec<_> = TABLES[1..].iter().map(below).collect();
        let text = format!("DELETE $id RETURN NONE; {}", below.join("; "));
        self.client.run(&of_thread(text, thread)).await.map(drop)
    }

    /// Returns what is there of a thread; nothing after [`forget_thread`](Self::forget_thread).
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn traces(&self, thread: &str) -> Result<Vec<Trace>, QueryError> {
        let below = |table: &&str| {
            format!("SELECT count() FROM {table}:[$thread]..[$thread, []] GROUP ALL")
        };
        let below: Vec<_> = TABLES[1..].iter().map(below).collect();
        let text = format!("SELECT VALUE id FROM $id; {}", below.join("; "));
        let mut answer = self.client.run(&of_thread(text, thread)).await?;
        let threads: Vec<Value> = answer.rows(0)?;
        let mut traces = vec![Trace { table: TABLES[0], rows: threads.len() as u64 }];
        for (index, table) in (1..).zip(&TABLES[1..]) {
            let counted: Vec<Counted> = answer.rows(index)?;
            let rows = counted.first().map_or(0, |row| row.count.unsigned_abs());
            traces.push(Trace { table, rows });
        }
        traces.retain(|trace| trace.rows > 0);
        Ok(traces)
    }
}

fn of_thread(text: String, thread: &str) -> Query {
    let id = RecordId::new(TABLES[0], RecordIdKey::String(thread.to_owned()));
    Query::new("look at the traces of a thread", text)
        .bind("id", id)
        .bind("thread", thread.to_owned())
}
