//! A sink that inserts rows into ClickHouse over HTTP.
//!
//! Owns the statements and what ClickHouse's answers mean. The table replaces rows of an equal
//! `seq`, so a batch that is given twice leaves one row each. User and password are sent as
//! headers and are cut out of every message.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use reqwest::{Client, Response, Url, redirect::Policy};
use serde_json::Value;
use thiserror::Error;

use crate::group::Committed;
use crate::seq::Seq;
use crate::sink::{BoxFuture, Sink, SinkError};

/// Makes a row, a JSON object without `seq`, of a record, its number and when it was observed.
pub type RowMapper = Arc<dyn Fn(&[u8], Seq, u64) -> Value + Send + Sync>;

/// The part of an answer that is shown.
const SHOWN_BYTES_MAX: usize = 300;
/// The part of an answer that is looked at.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How headers begin that each answer of ClickHouse has (`-Server-Display-Name`, `-Query-Id`, …), as
/// its documentation of the HTTP interface shows.
const OWN_HEADERS: &str = "x-clickhouse-";
/// ClickHouse's error codes for rows that it will never take: values that can't be parsed or don't
/// fit their column. <https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp>
const BAD_ROW_CODES: [u32; 17] =
    [6, 25, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 349, 376, 441];

/// Where the rows go.
#[derive(Clone)]
pub struct ClickHouseOptions {
    /// Its HTTP address, without user and password.
    pub url: String,
    /// The database.
    pub database: String,
    /// The table; made where it is missing.
    pub table: String,
    /// The table's columns besides `seq UInt64`, as in `CREATE TABLE`.
    pub columns: String,
    /// The user; none by default.
    pub user: Option<String>,
    /// The password; none by default.
    pub password: Option<String>,
}

impl fmt::Debug for ClickHouseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, table, .. } = self;
        f.debug_struct("ClickHouseOptions")
            .field("database", database)
            .field("table", table)
            .finish_non_exhaustive()
    }
}

/// Why the options of a ClickHouse sink make no sense.
#[derive(Debug, Error)]
pub enum ClickHouseError {
    /// Not an address.
    #[error("ClickHouse's address is not an http or https URL without user and password")]
    Url,
    /// Not a name.
    #[error("ClickHouse's {0} must be a name of letters, digits and _")]
    Name(&'static str),
    /// No HTTP client could be made.
    #[error("no HTTP client could be made")]
    Client(#[source] reqwest::Error),
}

/// Inserts rows into one table.
pub struct ClickHouse {
    client: Client,
    url: Url,
    options: ClickHouseOptions,
    row: RowMapper,
    has_table: AtomicBool,
}

impl ClickHouse {
    /// A sink for that table; connects at the first write.
    ///
    /// # Errors
    ///
    /// The address or a name is none.
    pub fn new(options: ClickHouseOptions, row: RowMapper) -> Result<Self, ClickHouseError> {
        let url = Url::parse(&options.url).map_err(|_| ClickHouseError::Url)?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !matches!(url.scheme(), "http" | "https") || !is_plain {
            return Err(ClickHouseError::Url);
        }
        for (name, what) in [(&options.database, "database"), (&options.table, "table")] {
            let named = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || !name.bytes().all(named) {
                return Err(ClickHouseError::Name(what));
            }
        }
        // Elsewhere is no ClickHouse, and is not to have the password.
        let client = Client::builder().connect_timeout(CONNECT_TIMEOUT);
        let client = client.redirect(Policy::none()).build();
        let client = client.map_err(ClickHouseError::Client)?;
        Ok(Self { client, url, options, row, has_table: AtomicBool::new(false) })
    }

    fn table(&self) -> String {
        format!("`{}`.`{}`", self.options.database, self.options.table)
    }

    async fn create(&self) -> Result<(), SinkError> {
        if self.has_table.load(Relaxed) {
            return Ok(());
        }
        let statement = format!(
            "CREATE TABLE IF NOT EXISTS {} (seq UInt64, {}) ENGINE = ReplacingMergeTree ORDER BY seq",
            self.table(),
            self.options.columns
        );
        // Whatever is wrong with the table, it is no record's fault.
        let created = self.send(&statement, String::new()).await;
        created.map_err(|error| SinkError { retryable: true, ..error })?;
        self.has_table.store(true, Relaxed);
        Ok(())
    }

    fn rows(&self, batch: &[Committed]) -> Result<String, SinkError> {
        let mut rows = String::new();
        for group in batch {
            for (seq, record) in group.numbered() {
                let Value::Object(mut row) = (self.row)(record, seq, group.stamp) else {
                    let message = format!("record {seq} gives no row");
                    return Err(SinkError { retryable: false, message });
                };
                row.insert("seq".to_owned(), seq.get().into());
                rows.push_str(&Value::Object(row).to_string());
                rows.push('\n');
            }
        }
        Ok(rows)
    }

    async fn send(&self, statement: &str, body: String) -> Result<(), SinkError> {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("query", statement);
        let mut request = self.client.post(url);
        let credentials = [
            ("X-ClickHouse-User", &self.options.user),
            ("X-ClickHouse-Key", &self.options.password),
        ];
        for (header, value) in credentials {
            if let Some(value) = value {
                request = request.header(header, value);
            }
        }
        let answer = request.body(body).send().await.map_err(|error| self.unreached(error))?;
        self.understand(answer).await
    }

    async fn understand(&self, mut answer: Response) -> Result<(), SinkError> {
        let status = answer.status();
        // What else answers 200, such as a page to sign in at, has stored nothing.
        let mut headers = answer.headers().keys();
        let is_clickhouse = headers.any(|name| name.as_str().starts_with(OWN_HEADERS));
        let code = answer.headers().get("X-ClickHouse-Exception-Code");
        let code = code.and_then(|code| code.to_str().ok()?.parse::<u32>().ok());
        // A failure in the middle of an answer comes with status 200.
        let mut text = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|error| self.unreached(error))? {
            let room = ANSWER_BYTES_MAX.saturating_sub(text.len());
            text.extend_from_slice(&part[..part.len().min(room)]);
        }
        let text = String::from_utf8_lossy(&text);
        let is_good = status.is_success() && is_clickhouse;
        if is_good && code.is_none() && !text.contains("DB::Exception") {
            return Ok(());
        }
        if status.is_success() && !is_clickhouse {
            let message = format!("{} was answered, but not by ClickHouse", status.as_u16());
            return Err(SinkError { retryable: true, message });
        }
        let code = code.or_else(|| code_in(&text));
        let retryable = !code.is_some_and(|code| BAD_ROW_CODES.contains(&code));
        let message = self.shown(&format!("ClickHouse answered {}: {text}", status.as_u16()));
        Err(SinkError { retryable, message })
    }

    fn unreached(&self, error: reqwest::Error) -> SinkError {
        let message = self.shown(&format!("ClickHouse did not answer: {}", error.without_url()));
        SinkError { retryable: true, message }
    }

    /// Cuts user and password out, then cuts to length.
    fn shown(&self, text: &str) -> String {
        let secrets = [&self.options.password, &self.options.user];
        let mut shown = text.trim_end().to_owned();
        for secret in secrets.into_iter().flatten().filter(|secret| !secret.is_empty()) {
            shown = shown.replace(secret.as_str(), "***");
        }
        shown.truncate(shown.floor_char_boundary(SHOWN_BYTES_MAX));
        shown
    }
}

impl Sink for ClickHouse {
    fn name(&self) -> &str {
        "clickhouse"
    }

    fn write<'a>(&'a self, batch: &'a [Committed]) -> BoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move {
            let rows = self.rows(batch)?;
            self.create().await?;
            let statement = format!("INSERT INTO {} FORMAT JSONEachRow", self.table());
            let inserted = self.send(&statement, rows).await;
            if inserted.is_err() {
                // Someone may have dropped the table; making it again does no harm.
                self.has_table.store(false, Relaxed);
            }
            inserted
        })
    }
}

/// The code in `Code: 60. DB::Exception: …`.
fn code_in(text: &str) -> Option<u32> {
    let behind = text.split_once("Code: ")?.1;
    behind.split_once('.')?.0.parse().ok()
}
