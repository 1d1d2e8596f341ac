//! The database in the process's folder: what is acknowledged outlives the process.

use serde_json::json;

use crate::support::server::{ALICE, Plan};

#[test]
fn messages_numbers_and_requests_outlive_a_crash() {
    let mut server = Plan::new("embedded").start();
    let thread = server.thread(ALICE, "private");
    let mut expected = Vec::new();
    for round in 0..3 {
        for n in 0..5 {
            let body = format!("{round}-{n}");
            let answer = server.try_say(ALICE, &thread, &body, &body);
            assert_eq!(answer.status, 201, "{}", answer.text());
            expected.push(body);
            assert_eq!(answer.json()["seq"], expected.len());
        }
        let mut stream = server.stream(ALICE, &thread, &[]);
        let place = stream.opening();
        assert!(place.is("ping"));
        server = if round == 0 { server.restart() } else { server.crash_and_restart() };
        assert_eq!(server.bodies(ALICE, &thread, 0), expected);
        // An attempt from before is known, also with another body.
        let again = server.try_say(ALICE, &thread, &expected[0], &expected[0]);
        assert_eq!((again.status, &again.json()["seq"]), (201, &json!(1)));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let conflict = server.try_say(ALICE, &thread, "other", &expected[0]);
        conflict.assert_error(409, "idempotency_conflict");
        // A cursor from before goes on without a gap.
        let next = format!("after {round}");
        server.say(ALICE, &thread, &next);
        expected.push(next.clone());
        let mut stream = server.stream(ALICE, &thread, &[("last-event-id", place.cursor())]);
        assert!(stream.opening().is("ping"));
        assert_eq!(stream.event().json()["body"], next);
    }
}

#[test]
fn a_folder_belongs_to_one_process() {
    let first = Plan::new("embedded").start();
    let thread = first.thread(ALICE, "public");
    first.say(ALICE, &thread, "one");
    let (code, log) = Plan::new("embedded").run_in(first.folder());
    assert_eq!(code, Some(69), "{log}");
    assert!(log.contains("in use"), "{log}");
    // One with a state folder of its own, and the first one's database in it, is refused by that.
    let own = first.folder().join("own");
    std::fs::create_dir(&own).expect("it can be made");
    let theirs = first.folder().join("tidegate-data/store");
    std::os::unix::fs::symlink(&theirs, own.join("store")).expect("it can be made");
    let second = Plan::new("embedded").set("REALTIME_STATE_DIR", own.to_string_lossy());
    let (code, log) = second.run();
    assert_eq!(code, Some(69), "{log}");
    assert!(log.contains("another process has the database"), "{log}");
    first.say(ALICE, &thread, "two");
    let server = first.restart();
    assert_eq!(server.bodies(ALICE, &thread, 0), ["one", "two"]);
}

#[test]
fn a_new_user_can_chat_at_once() {
    let plan = Plan::empty().set("VIZ_API_BIND", "127.0.0.1:0").set("TIDEGATE_LOG_FORMAT", "json");
    let server = plan.start();
    let key = server.folder().join("tidegate-data/local-key");
    let key = std::fs::read_to_string(key).expect("it was made");
    let thread = server.thread(key.trim(), "public");
    assert_eq!(server.say(key.trim(), &thread, "hello")["author_id"], "local");
    let engine = server.log().entries().into_iter().find(|entry| {
        let target = entry["target"].as_str().unwrap_or_default();
        target.starts_with("surrealdb") && entry["level"] == "INFO"
    });
    assert_eq!(engine, None, "how the engine is set up is nobody's question");
}
