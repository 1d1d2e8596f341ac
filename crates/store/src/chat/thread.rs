//! Threads: each written once.

use surrealdb_types::{RecordId, RecordIdKey, SurrealValue};

use super::{
    Chat, ChatError, PAGE_MAX, Written,
    difference::{Comparing, Difference},
};
use crate::{
    error::QueryError,
    query::Query,
    row::{int, natural},
    statement::Statement,
};

/// Who may read a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Whoever joins.
    Public,
    /// Whoever is invited.
    Private,
}

impl Privacy {
    /// Returns the word that the interface uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Privacy::Public => "public",
            Privacy::Private => "private",
        }
    }
}

/// A thread, without its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its identity.
    pub thread_id: String,
    /// The tenant.
    pub org_id: String,
    /// What of the tenant's it belongs to.
    pub scope_id: String,
    /// Who may read it.
    pub privacy_level: Privacy,
    /// Who made it.
    pub created_by: String,
    /// When, in milliseconds since 1970.
    pub created_at_ms: u64,
}

/// Some threads of a scope, by their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadPage {
    /// The threads.
    pub threads: Vec<Thread>,
    /// Whether there are more after the last one.
    pub has_more: bool,
}

#[derive(Clone, Debug, SurrealValue)]
struct Row {
    thread_id: String,
    org_id: String,
    scope_id: String,
    privacy_level: String,
    created_by: String,
    created_at_ms: i64,
}

impl Chat {
    /// Writes a thread and reads it back; writing it again is harmless.
    ///
    /// # Errors
    /// Fails where another thread has its id, and where the database does not take or keep it.
    pub async fn create_thread(&self, thread: &Thread) -> Result<(), ChatError> {
        let query = Query::of(Statement::WriteThread)
            .bind("row", Row::from(thread))
            .bind("id", id(&thread.thread_id));
        let mut rows: Vec<Row> = self.client.run(&query).await?.rows(1)?;
        let lost = || ChatError::Lost { thread: thread.thread_id.clone(), what: Written::Thread };
        let theirs = Thread::try_from(rows.pop().ok_or_else(lost)?)?;
        thread.difference(&theirs).map_or(Ok(()), |difference| Err(ChatError::Differs(difference)))
    }

    /// Returns a thread.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn thread(&self, thread: &str) -> Result<Option<Thread>, ChatError> {
        let query = Query::of(Statement::ReadThread).bind("id", id(thread));
        let mut rows: Vec<Row> = self.client.run(&query).await?.rows(0)?;
        Ok(rows.pop().map(Thread::try_from).transpose()?)
    }

    /// Returns an organisation's threads in a scope with greater ids than this one, the smallest first.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn threads(
        &self,
        org: &str,
        scope: &str,
        after: &str,
        limit: usize,
    ) -> Result<ThreadPage, ChatError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let query = Query::of(Statement::ListThreads)
            .bind("org", org.to_owned())
            .bind("scope", scope.to_owned())
            .bind("after", after.to_owned())
            .bind("limit", i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1));
        let mut answer = self.client.run(&query).await?;
        let rows: Vec<Row> = answer.rows(0)?;
        if !rows.is_sorted_by(|a, b| a.thread_id < b.thread_id) {
            return Err(answer.damaged("the index is not read in its order").into());
        }
        let has_more = rows.len() > limit;
        let threads: Result<_, QueryError> =
            rows.into_iter().take(limit).map(Thread::try_from).collect();
        Ok(ThreadPage { threads: threads?, has_more })
    }
}

fn id(thread: &str) -> RecordId {
    RecordId::new("thread", RecordIdKey::String(thread.to_owned()))
}

impl Thread {
    fn difference(&self, theirs: &Thread) -> Option<Difference> {
        Comparing::default()
            .field("thread_id", &self.thread_id, &theirs.thread_id)
            .field("org_id", &self.org_id, &theirs.org_id)
            .field("scope_id", &self.scope_id, &theirs.scope_id)
            .field("privacy_level", &self.privacy_level, &theirs.privacy_level)
            .field("created_by", &self.created_by, &theirs.created_by)
            .field("created_at_ms", &self.created_at_ms, &theirs.created_at_ms)
            .end("thread", self.thread_id.clone())
    }
}

impl From<&Thread> for Row {
    fn from(thread: &Thread) -> Self {
        Row {
            thread_id: thread.thread_id.clone(),
            org_id: thread.org_id.clone(),
            scope_id: thread.scope_id.clone(),
            privacy_level: thread.privacy_level.as_str().to_owned(),
            created_by: thread.created_by.clone(),
            created_at_ms: int(thread.created_at_ms),
        }
    }
}

impl TryFrom<Row> for Thread {
    type Error = QueryError;

    fn try_from(row: Row) -> Result<Self, QueryError> {
        const OPERATION: &str = "read threads";
        let privacy_level = match row.privacy_level.as_str() {
            "public" => Privacy::Public,
            "private" => Privacy::Private,
            _ => {
                let what = "a privacy level that there is not".into();
                return Err(QueryError::Damaged { operation: OPERATION, what });
            }
        };
        Ok(Thread {
            thread_id: row.thread_id,
            org_id: row.org_id,
            scope_id: row.scope_id,
            privacy_level,
            created_by: row.created_by,
            created_at_ms: natural(OPERATION, row.created_at_ms)?,
        })
    }
}
