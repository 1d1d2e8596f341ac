//! The records of chains as rows of ClickHouse: a table for each log, since its numbers are its own.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use event::Epoch;
use journal::{ClickHouse, ClickHouseError, ClickHouseOptions, Seq};
use serde_json::{Value, json};
use url::Url;

use super::handed::event;
use crate::settings::Secret;

const COLUMNS: &str = "chain_key LowCardinality(String), chain_seq UInt64, \
                       type LowCardinality(String), hash String, observed_unix_ms UInt64, \
                       record String";

/// Returns the sink that an address names: `http(s)://[USER:PASSWORD@]HOST[:PORT]/[DATABASE]`.
///
/// # Errors
/// Fails where it is none.
pub(super) fn sink(url: &Secret, log: Epoch) -> Result<ClickHouse, ClickHouseError> {
    ClickHouse::new(options(url.expose(), log)?, Arc::new(row))
}

fn options(url: &str, log: Epoch) -> Result<ClickHouseOptions, ClickHouseError> {
    let mut url = Url::parse(url).map_err(|_| ClickHouseError::Url)?;
    let user = Some(decoded(url.username())).filter(|user| !user.is_empty());
    let password = url.password().map(decoded);
    let database = url.path().trim_matches('/').to_owned();
    url.set_username("").and(url.set_password(None)).map_err(|()| ClickHouseError::Url)?;
    url.set_path("/");
    Ok(ClickHouseOptions {
        url: url.to_string(),
        database: if database.is_empty() { "default".to_owned() } else { database },
        table: format!("chain_records_{log}"),
        columns: COLUMNS.to_owned(),
        user,
        password,
    })
}

/// Returns a part of an address as it was meant: what must not stand in one is percent-encoded.
fn decoded(part: &str) -> String {
    // As a pair of a query, in which a plus sign would be a space.
    let pair = format!("x={}", part.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs.next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Returns a record as a row; one that can't be understood says so, with its bytes.
fn row(bytes: &[u8], seq: Seq, observed_unix_ms: u64) -> Value {
    let Ok(event) = event(seq, bytes, observed_unix_ms) else {
        let record = HEXLOWER.encode(bytes);
        return json!({"observed_unix_ms": observed_unix_ms, "type": "unknown", "record": record});
    };
    let shown = serde_json::to_value(&event).unwrap_or_default();
    json!({
        "chain_key": event.chain,
        "chain_seq": event.number,
        "type": event.kind().as_str(),
        "hash": shown.get("hash").and_then(Value::as_str).unwrap_or_default(),
        "observed_unix_ms": event.observed_unix_ms,
        "record": shown.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Epoch, options};

    #[test]
    fn an_address_is_taken_apart() {
        let log = Epoch::from_bits(1);
        let of = |url| options(url, log).expect("it is good");
        let whole = of("https://u:p%40ss@ch.example:8443/chains");
        assert_eq!(whole.url, "https://ch.example:8443/");
        assert_eq!((whole.database.as_str(), whole.user.as_deref()), ("chains", Some("u")));
        assert_eq!(whole.table, "chain_records_0000000000001");
        let bare = of("http://127.0.0.1:8123");
        assert_eq!((bare.database.as_str(), bare.user, bare.password), ("default", None, None));
        assert_eq!(whole.password.as_deref(), Some("p@ss"));
        assert!(!format!("{whole:?}").contains("p@ss"));
    }
}
