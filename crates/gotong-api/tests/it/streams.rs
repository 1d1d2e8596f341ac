//! Threads as streams: catching up, going on, and what ends them.

use serde_json::json;

use crate::support::{
    server::{ALICE, BOB, CAROL, MALLORY, Plan},
    sse::Sse,
    wait::until,
    ws::Ws,
};

#[test]
fn a_stream_catches_up_and_goes_on_without_a_seam() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    for n in 1..=5 {
        server.say(ALICE, &thread, &n.to_string());
    }
    let mut fresh = server.stream(BOB, &thread, &[]);
    assert!(fresh.next().expect("it begins").retry.is_some());
    let ping = fresh.opening();
    assert!(ping.is("ping"));
    let mut resumed = server.stream(BOB, &thread, &[("last-event-id", "2")]);
    assert!(resumed.opening().is("ping"));
    let sent = server.say(ALICE, &thread, "6");
    let live = fresh.event();
    assert!(live.is("message"), "{live:?}");
    assert_eq!(live.json(), sent);
    for n in 3..=6 {
        let frame = resumed.event();
        assert_eq!(
            (frame.is("message"), frame.json()["body"].clone()),
            (true, json!(n.to_string()))
        );
        if n == 4 {
            // A cursor of one reader is a place for every other.
            let mut other = server.stream(BOB, &thread, &[("last-event-id", frame.cursor())]);
            assert!(other.opening().is("ping"));
            assert_eq!(other.event().json()["seq"], 5);
        }
    }
    // From the place that a reader was told before any message.
    let mut again = server.stream(BOB, &thread, &[("last-event-id", ping.cursor())]);
    assert!(again.opening().is("ping"));
    assert_eq!(again.event().json()["seq"], 6);
}

#[test]
fn a_place_that_is_none_is_told_with_a_gap() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "public");
    server.say(ALICE, &thread, "one");
    for (cursor, reason, next) in [
        ("nonsense", "unknown_cursor", 1),
        ("99", "diverged", 2),
        ("0000000000000-1", "unknown_cursor", 1),
    ] {
        let mut stream = server.stream(ALICE, &thread, &[("last-event-id", cursor)]);
        let gap = stream.opening();
        assert_eq!((gap.is("gap"), gap.json()["reason"].clone()), (true, json!(reason)), "{gap:?}");
        if next == 2 {
            server.say(ALICE, &thread, "two");
        }
        assert_eq!(stream.event().json()["seq"], next, "{cursor}");
    }
}

#[test]
fn the_thread_is_a_stream_of_the_server_too() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "private");
    let path = format!("/api/stream?stream=thread:{thread}");
    let mut stream = Sse::open(server.address, &path, &[("x-api-key", ALICE)]);
    assert!(stream.opening().is("connected"));
    let sent = server.say(ALICE, &thread, "hello");
    let frame = stream.event();
    assert!(frame.is("message.sent"), "{frame:?}");
    let envelope = frame.json();
    assert_eq!((&envelope["org_id"], &envelope["payload"]), (&json!("org_a"), &sent));
    let refused = Sse::try_open(server.address, &path, &[("x-api-key", BOB)]);
    assert_eq!(refused.head.status, 403);
    let refused = Sse::try_open(server.address, &path, &[("x-api-key", MALLORY)]);
    assert_eq!(refused.head.status, 404);
    let page = server.get(ALICE, &format!("/api/events?stream=thread:{thread}")).json();
    assert_eq!(page["events"][0]["payload"], sent);
    server.get(BOB, &format!("/api/events?stream=thread:{thread}")).assert_error(403, "forbidden");
}

#[test]
fn a_websocket_follows_its_thread_and_sends() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "private");
    server.say(ALICE, &thread, "one");
    let path = format!("/v1/chat/threads/{thread}/messages/ws");
    assert_eq!(Ws::try_open(server.address, &path, BOB).err(), Some(403));
    assert_eq!(Ws::try_open(server.address, &path, MALLORY).err(), Some(404));
    let mut ws = Ws::open(server.address, &format!("{path}?after=0"), ALICE);
    assert_eq!(ws.next_of("connected")["orgId"], "org_a");
    let subscribed = ws.next_of("subscribed");
    assert_eq!(subscribed["stream"], format!("thread:{thread}"));
    assert_eq!((&subscribed["resume"], &subscribed["replayed"]), (&json!("resumed"), &json!(1)));
    let event = ws.next_of("event");
    assert_eq!(event["envelope"]["payload"]["body"], "one");
    let ack = ws.send(7, "two", "r-1");
    assert_eq!((&ack["type"], &ack["seq"]), (&json!("ack"), &json!(2)), "{ack}");
    let again = ws.send(8, "two", "r-1");
    assert_eq!((&again["id"], &again["cursor"]), (&ack["id"], &ack["cursor"]));
    let conflict = ws.send(9, "three", "r-1");
    assert_eq!(conflict["code"], "idempotency_conflict", "{conflict}");
    let too_long = ws.send(10, &"x".repeat(2001), "r-2");
    assert_eq!(too_long["code"], "validation_error", "{too_long}");
    assert_eq!(server.bodies(ALICE, &thread, 0), ["one", "two"]);
    // The same over a socket that is nobody's home.
    let mut other = Ws::open(server.address, "/api/ws", ALICE);
    other.next_of("connected");
    let stream = format!("thread:{thread}");
    other.say(&json!({"type": "send", "ref": 1, "body": "three", "stream": stream}));
    assert_eq!(other.next_of("ack")["seq"], 3);
    other.say(&json!({"type": "send", "ref": 2, "body": "four"}));
    assert_eq!(other.next_of("error")["code"], "validation_error");
}

#[test]
fn a_websocket_may_send_no_more_than_http() {
    let keys = "org_a=key-of-alice@alice,org_a=key-to-listen:subscribe@alice";
    let plan = Plan::new("memory").set("TIDEGATE_KEYS", keys);
    let server = plan.set("TIDEGATE_ORG_EVENTS_PER_SECOND", "5").start();
    let thread = server.thread(ALICE, "private");
    let path = format!("/v1/chat/threads/{thread}/messages/ws");
    let mut listener = Ws::open(server.address, &path, "key-to-listen");
    listener.next_of("subscribed");
    let refused = listener.send(1, "one", "r-1");
    assert_eq!(refused["code"], "forbidden", "{refused}");
    let mut ws = Ws::open(server.address, &path, ALICE);
    ws.next_of("subscribed");
    let codes = (0..40).map(|n| ws.send(n, "more", &format!("m-{n}"))["code"].clone());
    assert!(codes.into_iter().any(|code| code == "rate_limited"), "the rate is one for all ways");
}

#[test]
fn a_member_who_leaves_is_let_go_and_nobody_else() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "private");
    let members = format!("/v1/chat/threads/{thread}/members");
    for (key, user) in [(BOB, "bob"), (CAROL, "carol")] {
        assert_eq!(server.post(ALICE, &members, &json!({"user_id": user})).status, 201);
        server.join(key, &thread);
    }
    let mut bob = server.stream(BOB, &thread, &[]);
    let mut carol = server.stream(CAROL, &thread, &[]);
    assert!(bob.opening().is("ping") && carol.opening().is("ping"));
    let path = format!("/v1/chat/threads/{thread}/messages/ws");
    let mut ws = Ws::open(server.address, &path, BOB);
    ws.next_of("subscribed");
    server.say(ALICE, &thread, "before");
    assert_eq!(bob.event().json()["body"], "before");
    assert_eq!(ws.next_of("event")["envelope"]["payload"]["body"], "before");
    let leave = format!("/v1/chat/threads/{thread}/leave");
    assert_eq!(server.post(BOB, &leave, &json!({})).status, 200);
    server.say(ALICE, &thread, "after");
    let closed = bob.event();
    assert_eq!((closed.is("closed"), closed.json()), (true, json!({"reason": "permission_lost"})));
    bob.assert_end();
    let closed = ws.next().expect_err("it is closed").expect("with a code");
    assert_eq!(u16::from(closed.code), 1008);
    for body in ["before", "after"] {
        assert_eq!(carol.event().json()["body"], body);
    }
    until("both ends are counted", || {
        ["sse", "websocket"].into_iter().all(|transport| {
            let labels = format!("transport=\"{transport}\",cause=\"permission_lost\"");
            server.metric(&format!("tidegate_stream_ends_total{{{labels}}}")) == 1.0
        })
    });
}

#[test]
fn an_end_of_the_server_is_no_permission_lost() {
    let server = Plan::new("memory").start();
    let thread = server.thread(ALICE, "private");
    let mut stream = server.stream(ALICE, &thread, &[]);
    assert!(stream.opening().is("ping"));
    server.terminate();
    let farewell = stream.event();
    assert_eq!((farewell.is("goodbye"), &farewell.json()["reason"]), (true, &json!("drain")));
}
