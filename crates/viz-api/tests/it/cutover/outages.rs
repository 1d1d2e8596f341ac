//! Redis is lost in each state of a switch, under publishers and readers.

use std::{io::Write, sync::Arc};

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
        http::Request,
        redis::Redis,
        server::{KEYS, Plan, Server},
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

/// Lets Redis hang where a switch has come to this state, or where it may have passed it.
fn hangs_in(state: &str) {
    let redis = Redis::start();
    let server = Arc::new(plan(&redis).start());
    fill(&server);
    let readers = vec![read_sse(&server), read_ws(&server)];
    let publishers = Publishers::start(&server, 2);
    publishers.wait_for_more(20);
    let order = ["idle", "shadow", "backfill", "compared", "switching", "switched"];
    let rank = |state: &str| order.iter().position(|known| *known == state);
    if state == "idle" {
        redis.pause();
    }
    // Asked for on a connection of its own, whose answer nobody waits for.
    let request = Request::post("/api/admin/cutover").key("key-a-all-scopes");
    let mut asked = crate::support::http::connect(server.address);
    asked.write_all(&request.json(r#"{"to":"redis"}"#).bytes()).expect("it is taken");
    if state != "idle" {
        until("it has come so far", || {
            rank(status(&server)["state"].as_str().unwrap_or_default()) >= rank(state)
        });
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
