//! The records of chains, as the log has them: written once under `[log, seq]`, in batches.
//!
//! Writing a record again is harmless, so whoever feeds them may begin anew from any of them.

use std::sync::Arc;

use surrealdb_types::{RecordId, SurrealValue, Value};

use crate::{
    client::Client,
    error::QueryError,
    query::{Query, id},
    row::{int, number, text},
    statement::insert,
};

const OPERATION: &str = "write records of a chain";

/// Most records of one request.
const RECORDS_MAX: usize = 512;

/// Most bytes of one request's texts, unless one record has more.
const BYTES_MAX: usize = 1 << 20;

/// The records of chains in one database.
#[derive(Clone)]
pub struct ChainRecords {
    client: Arc<Client>,
}

/// A record of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRecord {
    /// The name of the log that it is of.
    pub log: String,
    /// Its number there.
    pub seq: u64,
    /// Which chain it tells of.
    pub chain_key: String,
    /// Its number among the records of its chain.
    pub chain_seq: u64,
    /// What it tells.
    pub kind: String,
    /// The transaction that it is about.
    pub hash: Option<String>,
    /// When it was found out, in milliseconds since 1970.
    pub observed_unix_ms: u64,
    /// All of it, as JSON.
    pub record: String,
}

#[derive(Clone, Debug, SurrealValue)]
struct Row {
    log: String,
    seq: i64,
    chain_key: String,
    chain_seq: i64,
    kind: String,
    hash: Option<String>,
    observed_unix_ms: i64,
    record: String,
}

#[derive(Clone, Debug, SurrealValue)]
struct Found {
    seq: i64,
}

impl ChainRecords {
    pub(crate) fn new(client: Arc<Client>) -> Self {
        ChainRecords { client }
    }

    /// Writes records under the ids that their log gives them, and finds them there.
    ///
    /// # Errors
    /// Fails where the database does not take or keep them. Then any part of them may have been
    /// written; the same call may be made again.
    ///
    /// # Cancel safety
    /// As with an error.
    pub async fn write(&self, records: &[ChainRecord]) -> Result<(), QueryError> {
        let mut rest = records;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            self.write_some(now).await?;
            rest = later;
        }
        Ok(())
    }

    async fn write_some(&self, records: &[ChainRecord]) -> Result<(), QueryError> {
        let rows: Vec<Value> = records.iter().map(row).collect();
        let ids: Vec<RecordId> = records.iter().map(ChainRecord::id).collect();
        let text = format!("{}; RETURN $ids.{{ seq }}", insert("chain_record", "$rows"));
        let query = Query::new(OPERATION, text).bind("rows", rows).bind("ids", ids);
        let found = self.client.run(&query).await?.rows::<Found>(1)?;
        let are_there = found.iter().map(|row| row.seq).eq(records.iter().map(|r| int(r.seq)));
        let what = || "records that were written are not there".to_owned();
        are_there
            .then_some(())
            .ok_or_else(|| QueryError::Damaged { operation: OPERATION, what: what() })
    }
}

/// Returns how many of these records fit into one request, at least one.
fn fitting(records: &[ChainRecord]) -> usize {
    let mut bytes = 0;
    let over = records.iter().position(|record| {
        bytes += record.record.len();
        bytes > BYTES_MAX
    });
    over.unwrap_or(records.len()).clamp(1, RECORDS_MAX)
}

impl ChainRecord {
    fn id(&self) -> RecordId {
        id("chain_record", vec![text(&self.log), number(self.seq)])
    }
}

fn row(record: &ChainRecord) -> Value {
    let mut row = Row {
        log: record.log.clone(),
        seq: int(record.seq),
        chain_key: record.chain_key.clone(),
        chain_seq: int(record.chain_seq),
        kind: record.kind.clone(),
        hash: record.hash.clone(),
        observed_unix_ms: int(record.observed_unix_ms),
        record: record.record.clone(),
    }
    .into_value();
    if let Value::Object(fields) = &mut row {
        fields.insert("id", record.id());
    }
    row
}
