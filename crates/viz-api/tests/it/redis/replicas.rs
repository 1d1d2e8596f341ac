//! Two replicas on one Redis: one order, and settings that differ are told.

use super::{realtime, told};
use crate::support::{
    redis::Redis,
    server::{KEY_A, KEY_ADMIN},
    wait::{eventually, until},
};

#[test]
fn what_one_publishes_the_other_delivers_in_one_order() {
    let redis = Redis::start();
    let servers = [redis.plan().start(), redis.plan().start()];
    let mut streams: Vec<_> =
        servers.iter().map(|server| server.stream_as(KEY_A, "/api/stream")).collect();
    streams.iter_mut().for_each(|stream| drop(stream.connected()));
    let cursors: Vec<_> =
        (0..20).map(|n| servers[n % 2].publish_ok(KEY_A, "a", n as u64)).collect();
    for stream in &mut streams {
        let frames: Vec<_> = (0..20).map(|_| stream.event()).collect();
        let ids: Vec<_> = frames.iter().map(|frame| frame.cursor().to_owned()).collect();
        assert_eq!(ids, cursors);
    }
    // A cursor of one replica is good on the other, in a header as a browser sends it.
    let headers = [("x-api-key", KEY_A), ("last-event-id", &*cursors[4])];
    let mut moved = servers[1].stream("/api/stream", &headers);
    let connected = moved.connected();
    assert_eq!((&connected["resume"], &connected["replayed"]), (&"resumed".into(), &15.into()));
    assert_eq!(moved.numbers(15), (5..20).collect::<Vec<_>>());
    let ledgers = servers.each_ref().map(|s| s.get("/api/admin/ledger", KEY_ADMIN).text());
    assert_eq!(ledgers[0], ledgers[1]);
}

#[test]
fn settings_that_differ_are_told_by_both_and_harm_nothing() {
    let redis = Redis::start();
    let one = redis.plan().set("REALTIME_REPLAY_WINDOW_SECONDS", "300").start();
    let mut two = redis
        .plan()
        .set("CHAT_REALTIME_CHANNEL_PREFIX", "other:prefix")
        .set("REALTIME_REPLAY_MAX_EVENTS", "200")
        .start();
    for (server, window, events) in
        [(&one, "300 here", "1000 here"), (&two, "600 here", "200 here")]
    {
        let reason = eventually("the difference is told", || {
            let (status, health) = realtime(server);
            let is_told = status == 200 && health["status"] == "healthy";
            health["reason"].as_str().filter(|_| is_told).map(str::to_owned)
        });
        for part in [
            &format!("REALTIME_REPLAY_WINDOW_SECONDS is {window}"),
            &format!("REALTIME_REPLAY_MAX_EVENTS is {events}"),
            "CHAT_REALTIME_CHANNEL_PREFIX is another one",
        ] {
            assert!(reason.contains(part), "{part}: {reason}");
        }
        assert!(!reason.contains("other:prefix"), "{reason}");
        until("the log has it", || server.log().has("replicas or clocks differ"));
        let mut stream = server.stream_as(KEY_A, "/api/stream");
        stream.connected();
        one.publish_ok(KEY_A, "a", 7);
        assert_eq!(stream.numbers(1), [7]);
    }
    until("operators are told", || !told(&one, KEY_ADMIN, "replicas.compared").is_empty());
    // One that has left is no longer compared with.
    assert_eq!(two.terminate(), Some(0), "{}", two.log().text());
    until("they agree again", || realtime(&one).1["reason"].is_null());
    until("the log has it", || one.log().has("replicas and clocks agree again"));
}
