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
use ulid::Ulid;

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

impl Store {
    /// Makes a database of its own beside ours, has one change stamped there, and removes it.
    ///
    /// # Errors
    /// Fails where the user may not make databases, and where the server has no answer. Then the
    /// database may be left; its name begins with `tidegate_gates_`.
    pub async fn change_stamp(&self) -> Result<ChangeStamp, QueryError> {
        let Backend::Surreal(server) = &self.client.options.backend else {
            let what = "only a server has one".to_owned();
            return Err(QueryError::Damaged { operation: "stamp a change", what });
        };
        let name = format!("tidegate_gates_{}", Ulid::generate());
        let make = Query::new("make a database", format!("DEFINE DATABASE `{name}`"));
        self.client.run(&make).await?;
        let stamped = stamped_in(&self.client.options, server, &name).await;
        let remove = Query::new("remove a database", format!("REMOVE DATABASE IF EXISTS `{name}`"));
        self.client.run(&remove).await?;
        stamped
    }
}

async fn stamped_in(
    options: &StoreOptions,
    server: &Server,
    name: &str,
) -> Result<ChangeStamp, QueryError> {
    let damaged =
        |what: &str| QueryError::Damaged { operation: "stamp a change", what: what.to_owned() };
    let place = Place::new(server.place.namespace(), name).map_err(|_| damaged("a name"))?;
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
