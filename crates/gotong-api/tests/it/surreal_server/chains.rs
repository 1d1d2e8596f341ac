//! The records of chains behind the log: a database that is down holds nobody up, and lacks nothing
//! afterwards.

use serde_json::Value;

use super::Database;
use crate::support::{
    http::Request,
    server::{ALICE, Server},
    wait::until,
};

/// Returns what readiness says of the feed; chat is not ready without the database, and chains are.
fn ingest(server: &Server) -> String {
    server.send(&Request::new("GET", "/ready")).json()["checks"]["ingest"].to_string()
}

fn latest(server: &Server) -> u64 {
    let snapshot = server.get(ALICE, "/dashboard/snapshot?tx_limit=1").json();
    snapshot["latest_seq_id"].as_u64().expect("a number")
}

fn behind(server: &Server) -> Option<String> {
    let text = server.send(&Request::new("GET", "/metrics")).text();
    let of = r#"tidegate_sink_behind_records{sink="surreal"} "#;
    text.lines().find_map(|line| line.strip_prefix(of).map(str::to_owned))
}

#[test]
fn a_database_that_was_down_has_every_record_once() {
    let mut database = Database::start();
    // At its own speed, the feed lasts longer than all that is done to the database.
    let server = database.plan().set("VIZ_API_INGEST_MODE", "replay").start();
    until("the database has some", || {
        let rows = database.ask("SELECT count() FROM chain_record GROUP ALL");
        rows[0]["result"][0]["count"].as_u64().is_some_and(|count| count > 0)
    });
    database.server.kill();
    let before = latest(&server);
    until("it is told", || ingest(&server).contains("sink surreal does not take records"));
    until("chains go on", || latest(&server) > before);
    database.run();
    until("the feed has ended", || {
        server.get(ALICE, "/chains").json()["chains"][0]["state"] == "disconnected"
    });
    until("the database has caught up", || behind(&server).as_deref() == Some("0"));
    let last = latest(&server);
    let rows = database.ask("SELECT VALUE seq FROM chain_record");
    let mut found: Vec<_> = rows[0]["result"].as_array().expect("rows").iter().collect();
    found.sort_by_key(|seq| seq.as_u64());
    let found: Vec<_> = found.into_iter().filter_map(Value::as_u64).collect();
    assert_eq!(found, (1..=last).collect::<Vec<_>>(), "each once, none missing");
    assert!(ingest(&server).contains(r#""status":"ok""#), "{}", ingest(&server));
}
