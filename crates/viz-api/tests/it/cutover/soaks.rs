//! A switch that is finalised by itself once it was good for long enough.

use serde_json::{Value, json};

use super::{ask, cutover, finalise, memory_plan, records, rests, settled, stages, status, undo};
use crate::support::{
    redis::Redis,
    server::{Plan, Server},
    wait::eventually,
};

fn soaking(server: &Server, seconds: u64) -> Value {
    let body = json!({"to": "redis", "soak_s": seconds}).to_string();
    settled(server, &ask(server, "/api/admin/cutover", &body), "switched", "redis");
    status(server)
}

#[test]
fn what_stays_good_is_finalised() {
    let redis = Redis::start();
    let server = memory_plan(&redis).start();
    let body = json!({"to": "redis", "soak_s": 1}).to_string();
    assert!([200, 202].contains(&ask(&server, "/api/admin/cutover", &body).status));
    let done = eventually("it is finalised", || {
        let status = status(&server);
        (status["state"] == "idle" && status["owner"] == "redis").then_some(status)
    });
    assert_eq!(done["actor"], "key of org_a, after a soak", "{done}");
    assert_eq!(done["error"], Value::Null, "{done}");
    gone(&server);
    eventually("it is recorded", || {
        let records = records(&server);
        let all = ["shadow", "backfill", "compared", "switching", "switched", "idle"];
        (stages(&records) == all).then_some(())
    });
}

#[test]
fn a_soak_ends_with_the_switch_and_with_another_one() {
    let redis = Redis::start();
    let server = memory_plan(&redis).start();
    let hour = soaking(&server, 3600);
    assert_eq!(hour["soak"]["lasts_s"], 3600, "{hour}");
    // Asked for again, it is a new one; asked for without, it stays.
    assert_eq!(soaking(&server, 7200)["soak"]["lasts_s"], 7200);
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    assert_eq!(status(&server)["soak"]["lasts_s"], 7200);
    settled(&server, &undo(&server), "idle", "memory");
    gone(&server);
    soaking(&server, 3600);
    settled(&server, &cutover(&server, "memory"), "idle", "memory");
    gone(&server);
    soaking(&server, 3600);
    settled(&server, &finalise(&server), "idle", "redis");
    gone(&server);
    // Nothing is left that could be finalised.
    let body = json!({"to": "redis", "soak_s": 600}).to_string();
    let answer = ask(&server, "/api/admin/cutover", &body);
    assert_eq!((answer.status, &answer.json()["soak"]), (200, &Value::Null));
}

fn gone(server: &Server) {
    eventually("the soak is gone", || status(server)["soak"].is_null().then_some(()));
}

#[test]
fn who_is_refused_changes_no_soak() {
    let server = Plan::with_keys().start();
    let to = |backend: &str| json!({"to": backend, "soak_s": 600}).to_string();
    let answer = ask(&server, "/api/admin/cutover", &to("redis"));
    assert_eq!(answer.status, 422, "there is no Redis: {}", answer.text());
    assert_eq!(status(&server)["soak"], Value::Null);
    let answer = ask(&server, "/api/admin/cutover", &to("memory"));
    assert_eq!((answer.status, &answer.json()["soak"]), (200, &Value::Null));
    assert_eq!(status(&server)["soak"], Value::Null);
}

#[test]
fn the_time_begins_anew_where_redis_was_not_well() {
    let redis = Redis::start();
    let server = memory_plan(&redis).start();
    soaking(&server, 3600);
    let ends_at = |status: &Value| status["soak"]["ends_at"].as_str().map(str::to_owned);
    let before = eventually("it is good", || ends_at(&status(&server)));
    redis.pause();
    eventually("it is not good", || ends_at(&status(&server)).is_none().then_some(()));
    redis.go_on();
    let after = eventually("it is good again", || ends_at(&status(&server)));
    assert!(after > before, "{after} is not after {before}");
    assert_eq!(rests(&server)["state"], "switched");
}

#[test]
fn a_time_that_is_none_is_refused_and_changes_nothing() {
    let redis = Redis::start();
    let server = memory_plan(&redis).start();
    for soak in ["0", "604801", "-1", "1.5", "\"10m\"", "true"] {
        let body = format!(r#"{{"to":"redis","soak_s":{soak}}}"#);
        let answer = ask(&server, "/api/admin/cutover", &body);
        assert_eq!(answer.status, 400, "{soak}: {}", answer.text());
    }
    let after = status(&server);
    assert_eq!((&after["state"], &after["owner"]), (&json!("idle"), &json!("memory")));
    assert_eq!(after["soak"], Value::Null);
}
