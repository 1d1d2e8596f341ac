//! What a server lets see of its storage engine.
//!
//! SurrealDB 3.0.0 names its engine nowhere: neither on an HTTP route, nor in `INFO FOR ROOT`, nor in
//! an answer. One trace there is. A change feed stamps each change with the engine's own clock, and
//! only TiKV has one: the timestamp oracle of its placement driver, whose lower 18 bits count within
//! a millisecond (`kvs/tikv/mod.rs`, `TiKVStamp`). Every other engine has the hybrid clock of the
//! server's process, whose lower 16 bits do (`kvs/timestamp.rs`, `HlcTimestamp`). So a stamp tells TiKV
//! from the others, in a release whose sources say so, and it tells nothing else.

use surrealdb_types::{SurrealValue, Value};
use tokio::time::Instant;

use crate::{
    client::Client,
    error::QueryError,
    options::{Backend, Place, Server, StoreOptions},
    query::Query,
    store::Store,
};

/// How far the clock of a stamp may be from the server's.
const APART_MS_MAX: u64 = 60 * 60 * 1000;

/// The stamp of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeStamp {
    /// The stamp.
    pub stamp: u64,
    /// The server's time, in milliseconds since 1970.
    pub now_ms: u64,
}

/// The clock that gave a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The timestamp oracle of a placement driver, as TiKV has it.
    Oracle,
    /// That of the server's process, as every other engine has it.
    Process,
    /// Neither.
    Unknown,
}

impl ChangeStamp {
    /// Tells which clock gave it.
    pub fn clock(self) -> Clock {
        let is_now = |ms: u64| ms.abs_diff(self.now_ms) <= APART_MS_MAX;
        match (is_now(self.stamp >> 18), is_now(self.stamp >> 16)) {
            (true, false) => Clock::Oracle,
            (false, true) => Clock::Process,
            _ => Clock::Unknown,
        }
    }
}

/// Why there is no stamp.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// The database was refused, so none was made.
    #[error("no database can be made: {0}")]
    NotMade(#[source] QueryError),
    /// The database may have been made.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl Store {
    /// Makes a database of this name beside ours, has one change stamped there, and removes it.
    ///
    /// # Errors
    /// Fails where the user may not make databases, and where the server has no answer. But for
    /// [`StampError::NotMade`] the database may be left; see
    /// [`forget_database`](Self::forget_database).
    ///
    /// # Cancel safety
    /// The database may be left.
    pub async fn change_stamp(&self, name: &str) -> Result<ChangeStamp, StampError> {
        const OPERATION: &str = "stamp a change";
        let (server, beside) = self.beside(OPERATION, name).map_err(StampError::NotMade)?;
        // May be asked again where the connection broke after the first time.
        let make = format!("DEFINE DATABASE IF NOT EXISTS `{name}`");
        let made = self.client.run(&Query::new("make a database", make)).await;
        match made {
            Err(error @ QueryError::Rejected { .. }) => return Err(StampError::NotMade(error)),
            made => made.map(drop)?,
        }
        let stamped = stamped_in(&self.client.options, server, beside).await;
        self.forget_database(name).await?;
        Ok(stamped?)
    }

    /// Removes a database beside ours with all that is in it.
    ///
    /// # Errors
    /// Fails where the database has no answer; it may have been removed.
    pub async fn forget_database(&self, name: &str) -> Result<(), QueryError> {
        const OPERATION: &str = "remove a database";
        self.beside(OPERATION, name)?;
        let remove = Query::new(OPERATION, format!("REMOVE DATABASE IF EXISTS `{name}`"));
        self.client.run(&remove).await.map(drop)
    }

    /// Returns whether there is a database of this name beside ours.
    ///
    /// # Errors
    /// Fails where the database has no answer.
    pub async fn has_database(&self, name: &str) -> Result<bool, QueryError> {
        let look = Query::new("look for a database", "RETURN (INFO FOR NS).databases");
        let mut answer = self.client.run(&look).await?;
        match answer.value(0)? {
            Value::Object(databases) => Ok(databases.get(name).is_some()),
            _ => Err(answer.damaged("no list of databases")),
        }
    }

    /// Checks that a name may stand in a statement, and is not ours.
    fn beside(&self, operation: &'static str, name: &str) -> Result<(&Server, Place), QueryError> {
        let damaged = |what: &str| QueryError::Damaged { operation, what: what.to_owned() };
        let Backend::Surreal(server) = &self.client.options.backend else {
            return Err(damaged("only a server has one"));
        };
        let place = Place::new(server.place.namespace(), name);
        let place = place.map_err(|_| damaged("a name that no database can have"))?;
        match place == server.place {
            true => Err(damaged("this is our own database")),
            false => Ok((server, place)),
        }
    }
}

async fn stamped_in(
    options: &StoreOptions,
    server: &Server,
    place: Place,
) -> Result<ChangeStamp, QueryError> {
    let damaged =
        |what: &str| QueryError::Damaged { operation: "stamp a change", what: what.to_owned() };
    let server = Server { place, ..server.clone() };
    let options = StoreOptions { backend: Backend::Surreal(server), ..options.clone() };
    let deadline = Instant::now() + options.deadline;
    let client = Client::new(options).map_err(|_| damaged("no threads"))?;
    let query = Query::new(
        "stamp a change",
        "DEFINE TABLE stamped CHANGEFEED 1h; CREATE stamped:1 RETURN NONE; \
         SHOW CHANGES FOR TABLE stamped SINCE 0 LIMIT 1; RETURN time::unix()",
    );
    let answer = client.run_until(&query, deadline).await;
    client.close().await;
    let mut answer = answer?;
    let changes: Vec<Value> = answer.rows(2)?;
    let stamp = changes.into_iter().find_map(|change| match change {
        Value::Object(fields) => fields.get("versionstamp").cloned(),
        _ => None,
    });
    let number = |value: Value| i64::from_value(value).ok().and_then(|n| u64::try_from(n).ok());
    let stamp = stamp.and_then(number).ok_or_else(|| damaged("a change without a stamp"))?;
    let now_s = number(answer.value(3)?).ok_or_else(|| damaged("no time"))?;
    Ok(ChangeStamp { stamp, now_ms: now_s * 1000 })
}

#[cfg(test)]
mod tests {
    use super::{ChangeStamp, Clock};

    #[test]
    fn clocks_are_told_apart_by_their_bits() {
        let now_ms = 1_795_334_185_000;
        let clock = |stamp| ChangeStamp { stamp, now_ms }.clock();
        // One that a server on SurrealKV gave.
        assert_eq!(clock(117_659_021_148_553_216), Clock::Process);
        assert_eq!(clock((now_ms - 40) << 16 | 7), Clock::Process);
        assert_eq!(clock((now_ms + 900) << 18 | 12), Clock::Oracle);
        assert_eq!(clock(0), Clock::Unknown);
        assert_eq!(clock((now_ms - 4_000_000) << 18), Clock::Unknown);
    }
}
