//! Switches under publishers and readers that stay connected.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{cutover, finalise, memory_plan, records, rests, settled, stages, undo};
use crate::{
    redis::{realtime, told},
    support::{
        redis::Redis,
        server::{KEY_A, KEY_ADMIN, Server},
        sse,
        wait::until,
        ws::{self, Ws},
    },
};

/// Publishers that go on until they are told to stop.
pub(super) struct Publishers {
    stop: Arc<AtomicBool>,
    published: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Vec<u64>>>,
}

impl Publishers {
    pub(super) fn start(server: &Arc<Server>, count: u64) -> Self {
        let (stop, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let publisher = |number: u64| {
            let (server, stop) = (Arc::clone(server), Arc::clone(&stop));
            let published = Arc::clone(&published);
            thread::spawn(move || {
                let mut own = Vec::new();
                for n in (number..).step_by(1000) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    server.publish_ok(KEY_A, "a", n);
                    published.fetch_add(1, Ordering::Relaxed);
                    own.push(n);
                }
                own
            })
        };
        let threads = (0..count).map(publisher).collect();
        Publishers { stop, published, threads }
    }

    /// Waits until so many more were acknowledged.
    pub(super) fn wait_for_more(&self, count: u64) {
        let enough = self.published.load(Ordering::Relaxed) + count;
        until("publishers go on", || self.published.load(Ordering::Relaxed) >= enough);
    }

    /// Returns all that was acknowledged, publisher by publisher.
    pub(super) fn stop(self) -> Vec<Vec<u64>> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("it publishes")).collect()
    }
}

/// The number that ends what a reader reads.
const LAST: u64 = u64::MAX;

/// Reads over SSE until the last number; whatever is no event fails.
pub(super) fn read_sse(server: &Server) -> JoinHandle<Vec<u64>> {
    let mut stream = server.stream_as(KEY_A, "/api/stream");
    stream.connected();
    thread::spawn(move || {
        let event = || {
            let frame = stream.event();
            assert!(frame.is("a"), "{frame:?}");
            sse::number(&frame)
        };
        std::iter::repeat_with(event).take_while(|n| *n != LAST).collect()
    })
}

/// Reads over a WebSocket until the last number; whatever is no event fails.
pub(super) fn read_ws(server: &Server) -> JoinHandle<Vec<u64>> {
    let mut reader = Ws::following(server, KEY_A);
    thread::spawn(move || {
        let event = || ws::number(&reader.expect("event"));
        std::iter::repeat_with(event).take_while(|n| *n != LAST).collect()
    })
}

/// Checks that every reader had everything once, in one order that is each publisher's.
pub(super) fn assert_complete(
    server: &Server,
    acknowledged: &[Vec<u64>],
    readers: Vec<JoinHandle<Vec<u64>>>,
) {
    server.publish_ok(KEY_A, "a", LAST);
    let read: Vec<_> = readers.into_iter().map(|reader| reader.join().expect("it reads")).collect();
    for had in &read {
        assert_eq!(had, &read[0], "there is one order");
        for (number, own) in (0..).zip(acknowledged) {
            let of_it: Vec<_> = had.iter().copied().filter(|n| n % 1000 == number).collect();
            assert_eq!(&of_it, own, "publisher {number}: none lost, repeated or reordered");
        }
    }
}

#[test]
fn nobody_notices_switches_and_undos() {
    let redis = Redis::start();
    let server = Arc::new(memory_plan(&redis).start());
    let readers = vec![read_sse(&server), read_ws(&server), read_sse(&server), read_ws(&server)];
    let publishers = Publishers::start(&server, 3);
    publishers.wait_for_more(30);
    for _ in 0..2 {
        let status = settled(&server, &cutover(&server, "redis"), "switched", "redis");
        assert_eq!(status["actor"], "key of org_a", "{status}");
        assert!(status["moved"].as_u64() >= Some(1) && status["events"].as_u64() >= Some(30));
        assert_eq!(realtime(&server).1["selected_backend"], "redis");
        publishers.wait_for_more(30);
        settled(&server, &undo(&server), "idle", "memory");
        publishers.wait_for_more(30);
    }
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    publishers.wait_for_more(30);
    settled(&server, &finalise(&server), "idle", "redis");
    publishers.wait_for_more(30);
    settled(&server, &cutover(&server, "memory"), "switched", "memory");
    publishers.wait_for_more(30);
    settled(&server, &finalise(&server), "idle", "memory");
    publishers.wait_for_more(30);
    let acknowledged = publishers.stop();
    assert_complete(&server, &acknowledged, readers);
    assert_eq!(
        server.metric(r#"tidegate_events_published_total{backend="memory",result="failed"}"#),
        0.0
    );
    let count: usize = acknowledged.iter().map(Vec::len).sum();
    let ledger = server.get("/api/admin/ledger", KEY_ADMIN).json();
    assert_eq!(ledger["count"], count as u64 + 1, "{ledger}");
}

#[test]
fn each_transition_is_put_down_and_told() {
    let redis = Redis::start();
    let server = memory_plan(&redis)
        .set("TIDEGATE_KEYS", "org_a=key-a-all-scopes:publish+subscribe+admin@ann")
        .start();
    (0..5).for_each(|n| drop(server.publish_ok(KEY_ADMIN, "a", n)));
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    settled(&server, &undo(&server), "idle", "memory");
    let expected = [
        "shadow",
        "backfill",
        "compared",
        "switching",
        "switched",
        "shadow",
        "backfill",
        "compared",
        "switching",
        "idle",
    ];
    until("all is put down", || records(&server).len() >= expected.len());
    let records = records(&server);
    assert_eq!(stages(&records), expected);
    assert!(records.iter().all(|record| record["actor"] == "key ann of org_a"), "{records:?}");
    let moved = |record: &Value| {
        let streams = record["streams"].as_array().cloned().unwrap_or_default();
        streams.into_iter().find(|moved| moved["stream"] == "org:org_a")
    };
    for record in [&records[4], &records[9]] {
        let moved = moved(record).unwrap_or_else(|| panic!("it moved: {record}"));
        assert_eq!((&moved["before"]["count"], &moved["after"]["count"]), (&json!(5), &json!(5)));
        assert_eq!(moved["before"]["hash"], moved["after"]["hash"], "{moved}");
        assert!(moved["pause_ms"].as_f64() > Some(0.0), "{moved}");
    }
    until("all is told", || told(&server, KEY_ADMIN, "cutover.changed").len() >= expected.len());
    let events = told(&server, KEY_ADMIN, "cutover.changed");
    assert_eq!(stages(&events), expected, "each once, in their order");
    for event in &events {
        let file = event["record"].as_str().expect("it names its file");
        let bytes = std::fs::read(server.state_dir().join("evidence").join(file));
        let digest = HEXLOWER.encode(&Sha256::digest(bytes.expect("it is there")));
        assert_eq!(event["sha256"], digest, "{event}");
    }
}

#[test]
fn a_folder_that_takes_no_records_does_not_break_the_switch() {
    let redis = Redis::start();
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let in_the_way = folder.path().join("evidence");
    std::fs::write(&in_the_way, "a file").expect("it is written");
    let plan = memory_plan(&redis);
    let server = plan.set("TIDEGATE_EVIDENCE_DIR", in_the_way.display().to_string()).start();
    server.publish_ok(KEY_A, "a", 0);
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    until("it is told", || !told(&server, KEY_ADMIN, "cutover.unrecorded").is_empty());
    assert!(server.log().has("evidence can't be written"), "{}", server.log().text());
    assert!(server.metric("tidegate_cutover_evidence_failures_total") >= 1.0);
    until("transitions are told", || told(&server, KEY_ADMIN, "cutover.changed").len() == 5);
    // With room again, what waited is written.
    std::fs::remove_file(&in_the_way).expect("it is there");
    until("they are written", || {
        std::fs::read_dir(&in_the_way).is_ok_and(|entries| entries.count() == 5)
    });
    rests(&server);
}

#[test]
fn metrics_and_health_show_the_switch() {
    let redis = Redis::start();
    let server = memory_plan(&redis).start();
    let state = |name: &str| server.metric(&format!(r#"tidegate_cutover_state{{state="{name}"}}"#));
    let differs = || server.metric("tidegate_cutover_differs");
    assert_eq!((state("idle"), state("switched"), differs()), (1.0, 0.0, 0.0));
    settled(&server, &cutover(&server, "redis"), "switched", "redis");
    assert_eq!((state("idle"), state("switched"), differs()), (0.0, 1.0, 1.0));
    let (code, health) = realtime(&server);
    assert_eq!((code, &health["status"]), (200, &json!("healthy")), "{health}");
    assert_eq!(
        (&health["requested_backend"], &health["selected_backend"]),
        (&json!("memory"), &json!("redis"))
    );
    let runtime = server.get("/api/health", KEY_A).json()["checks"]["runtime"].clone();
    assert_eq!(
        runtime["cutover"],
        json!({"state": "switched", "owner": "redis", "settings": "memory", "is_open": true, "error": null})
    );
    let reason = health["reason"].as_str().expect("it says where they differ");
    assert!(reason.contains("REALTIME_BACKEND is memory"), "{reason}");
    settled(&server, &undo(&server), "idle", "memory");
    assert_eq!((realtime(&server).1["reason"].clone(), differs()), (Value::Null, 0.0));
}
