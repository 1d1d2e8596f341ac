//! `GET /api/events`: the window as pages.

use serde_json::Value;

use crate::support::server::{KEY_A, Plan, Server};

fn page(server: &Server, query: &str) -> Value {
    let answer = server.get(&format!("/api/events{query}"), KEY_A);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = answer.json();
    let fields: Vec<_> = page.as_object().expect("a page").keys().cloned().collect();
    assert_eq!(fields, ["events", "gap", "has_more", "next"]);
    assert!(page["next"].as_str().is_some_and(|next| !next.is_empty()), "never null: {page}");
    page
}

fn numbers(page: &Value) -> Vec<u64> {
    let events = page["events"].as_array().into_iter().flatten();
    events.filter_map(|event| event["payload"]["n"].as_u64()).collect()
}

#[test]
fn an_empty_window_has_a_place_too() {
    let server = Plan::with_keys().start();
    let empty = page(&server, "");
    assert_eq!(
        (&empty["events"], &empty["has_more"], &empty["gap"]),
        (&Value::Array(vec![]), &false.into(), &Value::Null)
    );
    server.publish_ok(KEY_A, "a", 7);
    let next = empty["next"].as_str().expect("a cursor");
    let later = page(&server, &format!("?after={next}"));
    assert_eq!((numbers(&later), &later["gap"]), (vec![7], &Value::Null));
}

#[test]
fn pages_follow_each_other_oldest_first() {
    let server = Plan::with_keys().start();
    (0..25).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    let (mut all, mut query, mut pages) = (Vec::new(), "?limit=10".to_owned(), 0);
    loop {
        let page = page(&server, &query);
        all.extend(numbers(&page));
        pages += 1;
        let last = page["events"].as_array().and_then(|events| events.last().cloned());
        assert_eq!(last.map(|event| event["cursor"].clone()), Some(page["next"].clone()));
        query = format!("?limit=10&after={}", page["next"].as_str().expect("a cursor"));
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!((all, pages), ((0..25).collect(), 3));
    let end = page(&server, &query);
    assert_eq!((numbers(&end), &end["has_more"]), (vec![], &false.into()));
    assert_eq!(end["next"], query.split("after=").nth(1).expect("a cursor"));
}

#[test]
fn a_page_has_100_events_unless_told_and_at_most_500() {
    let server = Plan::with_keys().start();
    let list = format!("[{}]", vec![r#"{"event":"a"}"#; 500].join(","));
    assert_eq!(server.publish(KEY_A, &list).status, 201);
    server.publish_ok(KEY_A, "a", 1);
    let events = |query: &str| page(&server, query)["events"].as_array().map_or(0, Vec::len);
    assert_eq!((events(""), events("?limit=1"), events("?limit=500")), (100, 1, 500));
    for limit in ["0", "501", "-1", "1.5", "x", "", "99999999999999999999", "%31%30x"] {
        let answer = server.get(&format!("/api/events?limit={limit}"), KEY_A);
        answer.assert_error(400, "validation_error");
    }
}

#[test]
fn a_page_and_a_stream_have_the_same_cursors() {
    let server = Plan::with_keys().start();
    (0..3).for_each(|n| drop(server.publish_ok(KEY_A, "a", n)));
    let first = page(&server, "?limit=1");
    let next = first["next"].as_str().expect("a cursor");
    let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={next}"));
    assert_eq!(stream.connected()["replayed"], 2);
    let frame = stream.event();
    let second = page(&server, &format!("?limit=1&after={next}"));
    assert_eq!(second["next"], frame.cursor());
    let mut of_page = second["events"][0].clone();
    of_page.as_object_mut().expect("an event").remove("cursor");
    assert_eq!(of_page, frame.json(), "one envelope on both ways");
}

#[test]
fn a_hole_is_said_in_the_page() {
    let server = Plan::with_keys().set("REALTIME_REPLAY_MAX_EVENTS", "200").start();
    let first = server.publish_ok(KEY_A, "a", 0);
    let list = format!("[{}]", vec![r#"{"event":"a"}"#; 500].join(","));
    (0..2).for_each(|_| assert_eq!(server.publish(KEY_A, &list).status, 201));
    let holed = page(&server, &format!("?after={first}"));
    assert_eq!(
        (&holed["gap"]["reason"], &holed["gap"]["after"]),
        (&"expired".into(), &Value::from(first))
    );
    assert!(holed["gap"]["missed"].as_u64() > Some(0));
    let resumes_at = holed["gap"]["resumes_at"].as_str().expect("a cursor");
    assert_eq!(page(&server, &format!("?after={resumes_at}"))["gap"], Value::Null);
    assert!(page(&server, "")["gap"].is_null(), "who asks for the oldest misses nothing");
    assert_eq!(server.metric(r#"tidegate_gaps_total{reason="expired"}"#), 1.0);
}
