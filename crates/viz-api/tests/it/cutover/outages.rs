//! Redis is lost in each state of a switch, under publishers and readers.

use std::{io::Write, net::TcpStream, sync::Arc};

use redis::cmd;
use serde_json::Value;

use super::{
    cutover, memory_plan, rests,
    serving::{Publishers, assert_complete, read_sse, read_ws},
    status,
};
use crate::{
    redis::realtime,
    support::{
        http::{Request, connect},
        redis::Redis,
        server::{KEY_A, KEY_ADMIN, KEYS, Plan, Server},
        tokens::{SECRET, hs256, now_s},
        wait::{eventually, until},
    },
};

/// How many streams a slow switch has.
const STREAMS: usize = 60;

/// Fills streams, so that a switch takes a while.
fn fill(server: &Server) {
    for n in 0..STREAMS {
        let claims = serde_json::json!({
            "org_id": format!("org_{n}"), "scope": "publish", "exp": now_s() + 600,
        });
        let events = vec![r#"{"event":"b"}"#; 200].join(",");
        let request = Request::post("/api/events").bearer(&hs256(&claims));
        let answer = server.send(&request.json(&format!("[{events}]")));
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

fn plan(redis: &Redis) -> Plan {
    memory_plan(redis).set("TIDEGATE_KEYS", KEYS).set("TIDEGATE_JWT_HS256_SECRET", SECRET)
}

/// Asks again until every stream is Redis's.
fn goes_over(server: &Server) -> Value {
    eventually("it switches in the end", || {
        cutover(server, "redis");
        let status = rests(server);
        (status["state"] == "switched" && status["error"].is_null()).then_some(status)
    })
}

/// Asks for Redis on a connection of its own, whose answer nobody waits for.
fn asks(server: &Server) -> TcpStream {
    let request = Request::post("/api/admin/cutover").key(KEY_ADMIN);
    let mut asked = connect(server.address);
    asked.write_all(&request.json(r#"{"to":"redis"}"#).bytes()).expect("it is taken");
    asked
}

/// Waits until a switch has come to this state, or further.
fn until_in(server: &Server, state: &str) {
    let order = ["idle", "shadow", "backfill", "compared", "switching", "switched"];
    let rank = |state: &str| order.iter().position(|known| *known == state);
    until("it has come so far", || {
        rank(status(server)["state"].as_str().unwrap_or_default()) >= rank(state)
    });
}

/// Lets Redis hang where a switch has come to this state, or where it may have passed it.
fn hangs_in(state: &str) {
    let redis = Redis::start();
    let server = Arc::new(plan(&redis).start());
    fill(&server);
    let readers = vec![read_sse(&server), read_ws(&server)];
    let publishers = Publishers::start(&server, 2);
    publishers.wait_for_more(20);
    if state == "idle" {
        redis.pause();
    }
    let _asked = asks(&server);
    if state != "idle" {
        until_in(&server, state);
        redis.pause();
    }
    // Memory goes on, or the replica beside Redis; nobody waits for Redis for ever.
    publishers.wait_for_more(20);
    redis.go_on();
    goes_over(&server);
    until("all is merged", || realtime(&server).0 == 200);
    publishers.wait_for_more(20);
    let acknowledged = publishers.stop();
    assert_complete(&server, &acknowledged, readers);
    let stored: usize = redis.command(cmd("XLEN").arg("dashclaw:org:org_7:stream"));
    assert_eq!(stored, 200);
}

#[test]
fn before_it_begins() {
    hangs_in("idle");
}

#[test]
fn in_shadow() {
    hangs_in("shadow");
}

#[test]
fn in_backfill() {
    hangs_in("backfill");
}

#[test]
fn when_it_is_compared() {
    hangs_in("compared");
}

#[test]
fn while_streams_change_hands() {
    hangs_in("switching");
}

#[test]
fn when_all_have_changed_hands() {
    hangs_in("switched");
}

/// Returns the last number after a cursor; a page ends before a loss.
fn last_after(server: &Server, cursor: &str) -> Option<u64> {
    let (mut cursor, mut last) = (cursor.to_owned(), None);
    loop {
        let page = server.get(&format!("/api/events?after={cursor}&limit=500"), KEY_A).json();
        let events = page["events"].as_array().cloned().unwrap_or_default();
        last = events.last().and_then(|event| event["payload"]["n"].as_u64()).or(last);
        if page["has_more"] != true {
            return last;
        }
        page["next"].as_str().expect("a page has an end").clone_into(&mut cursor);
    }
}

/// What was acknowledged is there after a crash, or its loss is told; and each stream has an owner.
#[test]
fn a_crash_of_the_server_in_any_state() {
    for state in ["shadow", "backfill", "compared", "switching", "switched"] {
        let redis = Redis::start();
        let server = plan(&redis).start();
        fill(&server);
        let first = server.publish_ok(KEY_A, "a", 0);
        until("the windows are saved", || {
            let entries = std::fs::read_dir(server.state_dir()).expect("it is listed");
            let names = entries.map(|entry| entry.expect("it is listed").file_name());
            names.filter(|name| name.to_string_lossy().ends_with(".window")).count() > STREAMS
        });
        let asked = asks(&server);
        until_in(&server, state);
        (1..10).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
        let server = server.crash_and_restart();
        drop(asked);
        let page = server.get(&format!("/api/events?after={first}"), KEY_A).json();
        let count = page["events"].as_array().map_or(0, Vec::len);
        let is_told = page["gap"]["reason"] == "data_loss";
        assert!(count == 9 || is_told, "{state}: {page}");
        server.publish_ok(KEY_A, "a", 10);
        goes_over(&server);
        assert_eq!(last_after(&server, &first), Some(10), "{state}");
        let stored: usize = redis.command(cmd("XLEN").arg("dashclaw:org:org_7:stream"));
        assert_eq!(stored, 200, "{state}");
    }
}
