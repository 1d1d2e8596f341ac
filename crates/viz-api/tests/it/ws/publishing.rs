//! Publishing over a connection: acknowledged in order, stored once, refused with a reason.

use serde_json::{Value, json};

use crate::support::{
    http::Request,
    server::{KEY_A, KEY_B, Plan, Server},
    wait::eventually,
    ws::Ws,
};

fn stored(server: &Server, key: &str) -> Vec<Value> {
    let page = server.get("/api/events?limit=500", key).json();
    page["events"].as_array().expect("a page has events").clone()
}

#[test]
fn an_acknowledgement_names_what_was_stored() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    let payload = r#"{"b":1.0,"a":[1e2,"ä"]}"#;
    ws.say(&format!(
        r#"{{"type":"publish","ref":"r","event":"action.created","payload":{payload}}}"#
    ));
    let ack = ws.expect("ack");
    ws.say(r#"{"type":"publish","ref":2,"event":"bare"}"#);
    let bare = ws.expect("ack");
    let events = stored(&server, KEY_A);
    assert_eq!((&ack["ref"], &bare["ref"], events.len()), (&json!("r"), &json!(2), 2));
    for (ack, event) in [ack, bare].iter().zip(&events) {
        assert_eq!((&ack["id"], &ack["cursor"]), (&event["id"], &event["cursor"]));
    }
    assert_eq!(events[0]["payload"].to_string(), r#"{"a":[100.0,"ä"],"b":1.0}"#);
    assert_eq!(
        (&events[0]["event"], &events[1]["payload"]),
        (&json!("action.created"), &json!({}))
    );
    assert_eq!(
        server.metric(r#"tidegate_events_published_total{backend="memory",result="stored"}"#),
        2.0
    );
}

#[test]
fn a_publisher_that_reads_meets_its_event_under_the_cursor_of_the_acknowledgement() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::following(&server, KEY_A);
    for n in 0..50 {
        ws.publish(n, "a", n);
        let mut both = [ws.message(), ws.message()];
        both.sort_by_key(|message| message["type"].to_string());
        let [ack, event] = both;
        assert_eq!((&ack["ref"], &ack["cursor"]), (&json!(n), &event["cursor"]));
        assert_eq!(ack["id"], event["envelope"]["id"]);
    }
}

#[test]
fn acknowledgements_come_in_the_order_of_the_messages() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    std::thread::scope(|scope| {
        let writer = Ws::of(&server, KEY_B);
        scope.spawn(move || (0..2000).for_each(|n| writer.publish(n, "b", n)));
        for n in 0..1000 {
            // Every tenth is refused, in its place.
            ws.publish(n, if n % 10 == 0 { "gap" } else { "a" }, n);
        }
        for n in 0..1000 {
            let answer = ws.message();
            let kind = if n % 10 == 0 { "error" } else { "ack" };
            assert_eq!((&answer["ref"], &answer["type"]), (&json!(n), &json!(kind)));
        }
    });
    let numbers: Vec<_> = stored(&server, KEY_A)
        .iter()
        .map(|event| event["payload"]["n"].as_u64().expect("a number"))
        .collect();
    assert!(numbers.is_sorted() && numbers.len() == 500, "{numbers:?}");
}

#[test]
fn what_cannot_be_published_is_refused_with_its_reference() {
    let server = Plan::with_keys().set("TIDEGATE_PAYLOAD_BYTES_MAX", "1000").start();
    let mut ws = Ws::of(&server, KEY_A);
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(1000));
    let table = [
        (r#""event":"A""#, "validation_error"),
        (r#""event":"""#, "validation_error"),
        (r#""event":"a b""#, "validation_error"),
        (r#""event":"connected""#, "validation_error"),
        (r#""event":"gap""#, "validation_error"),
        (r#""event":"goodbye""#, "validation_error"),
        (r#""event":"message""#, "validation_error"),
        (r#""event":"error""#, "validation_error"),
        (r#""event":"open""#, "validation_error"),
        (r#""event":"ping""#, "validation_error"),
        (r#""event":"a","payload":null"#, "validation_error"),
        (r#""event":"a","payload":[]"#, "validation_error"),
        (r#""event":"a","payload":{"k":1,"k":2}"#, "validation_error"),
        (r#""event":"a","payload":{"n":1e999}"#, "validation_error"),
        (r#""event":"a","payload":{"s":"\ud800"}"#, "validation_error"),
        (r#""event":"a","idempotency_key":"""#, "validation_error"),
        (r#""event":"a","idempotency_key":"two words""#, "validation_error"),
        (r#""event":"a","idempotency_key":"ü""#, "validation_error"),
        (&format!(r#""event":"a","payload":{long}"#), "too_large"),
    ];
    for (at, (fields, code)) in table.iter().enumerate() {
        ws.say(&format!(r#"{{"type":"publish","ref":{at},{fields}}}"#));
        ws.expect_error(&json!(at), code);
    }
    assert!(stored(&server, KEY_A).is_empty());
    let refused = r#"tidegate_events_published_total{backend="memory",result="refused"}"#;
    assert_eq!(server.metric(refused), table.len() as f64);
    let fits = format!(r#"{{"x":"{}"}}"#, "x".repeat(1000 - 8));
    ws.say(&format!(r#"{{"type":"publish","ref":1,"event":"a","payload":{fits}}}"#));
    ws.expect("ack");
}

fn keyed(ws: &mut Ws, key: &str, payload: &str) -> Value {
    ws.say(&format!(
        r#"{{"type":"publish","ref":"r","event":"a","payload":{payload},"idempotency_key":"{key}"}}"#
    ));
    ws.message()
}

#[test]
fn an_attempt_that_is_repeated_takes_effect_once() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    let first = keyed(&mut ws, "k", r#"{"n":1}"#);
    assert_eq!((&first["type"], keyed(&mut ws, "k", r#"{"n":1}"#)), (&json!("ack"), first.clone()));
    let mut other = Ws::of(&server, "key-a-all-scopes");
    assert_eq!(keyed(&mut other, "k", r#"{"n":1}"#), first, "one organisation, one scope");
    for other_body in [r#"{"n":2}"#, r#"{"n": 1}"#] {
        assert_eq!(keyed(&mut ws, "k", other_body)["code"], "idempotency_conflict");
    }
    assert_eq!(stored(&server, KEY_A).len(), 1);
    let counted =
        |result| server.metric(&format!(r#"tidegate_idempotency_total{{result="{result}"}}"#));
    assert_eq!((counted("first"), counted("replayed"), counted("conflict")), (1.0, 2.0, 2.0));
    let server = server.restart();
    assert_eq!(keyed(&mut Ws::of(&server, KEY_A), "k", r#"{"n":1}"#), first, "over a restart");
}

#[test]
fn an_absent_payload_is_an_empty_one_for_a_key_too() {
    let server = Plan::with_keys().start();
    let mut ws = Ws::of(&server, KEY_A);
    let first = keyed(&mut ws, "k", "{}");
    ws.say(r#"{"idempotency_key":"k","event":"\u0061","type":"publish","ref":"r"}"#);
    assert_eq!(ws.message(), first, "it says the same in other words");
}

#[test]
fn a_key_belongs_to_its_organisation_and_its_route() {
    let server = Plan::with_keys().start();
    let body = r#"{"event":"a","payload":{"n":1}}"#;
    let post = Request::post("/api/events").key(KEY_A).json(body).header("idempotency-key", "k");
    let posted = server.send(&post);
    assert_eq!(posted.status, 201);
    let ack = keyed(&mut Ws::of(&server, KEY_A), "k", r#"{"n":1}"#);
    assert_eq!(ack["type"], "ack");
    assert_ne!(ack["id"], posted.json()["id"], "another route's key is another");
    let of_b = keyed(&mut Ws::of(&server, KEY_B), "k", r#"{"n":2}"#);
    assert_eq!(of_b["type"], "ack");
    assert_eq!((stored(&server, KEY_A).len(), stored(&server, KEY_B).len()), (2, 1));
}

#[test]
fn attempts_at_the_same_time_take_effect_once() {
    let server = Plan::with_keys().start();
    for round in 0..5 {
        let key = format!("round-{round}");
        let acks: Vec<_> = std::thread::scope(|scope| {
            let attempt = || keyed(&mut Ws::of(&server, KEY_A), &key, r#"{"n":1}"#);
            let attempts: Vec<_> = (0..6).map(|_| scope.spawn(attempt)).collect();
            attempts.into_iter().map(|attempt| attempt.join().expect("no panic")).collect()
        });
        assert!(acks.iter().all(|ack| ack["type"] == "ack" && *ack == acks[0]), "{acks:?}");
        assert_eq!(stored(&server, KEY_A).len(), round + 1);
    }
}

#[test]
fn an_organisation_publishes_so_many_events_a_second_however_it_does() {
    let server = Plan::with_keys().set("TIDEGATE_ORG_EVENTS_PER_SECOND", "3").start();
    let mut ws = Ws::of(&server, KEY_A);
    let refused = eventually("the rate is met", || {
        ws.publish(1, "a", 1);
        Some(ws.message()).filter(|answer| answer["type"] != "ack")
    });
    assert_eq!((&refused["code"], &refused["ref"]), (&json!("rate_limited"), &json!(1)));
    assert!(refused["message"].as_str().is_some_and(|text| text.contains("3 events a second")));
    let mut of_b = Ws::of(&server, KEY_B);
    of_b.publish(1, "a", 1);
    of_b.expect("ack");
    eventually("the bucket fills again, and the connection goes on", || {
        ws.publish(2, "a", 2);
        (ws.message()["type"] == "ack").then_some(())
    });
}
