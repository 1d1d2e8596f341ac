//! What outlives a process: an orderly end loses nothing, any other end says what may be lost.

use std::{
    collections::BTreeSet,
    fs, io,
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::support::{
    http::Request,
    server::{KEY_A, Plan, Server},
    sse::number,
    wait::until,
};

#[test]
fn cursors_of_before_resume_after_an_orderly_restart() {
    let server = Plan::with_keys().start();
    let cursors: Vec<_> = (0..5).map(|n| server.publish_ok(KEY_A, "a", n)).collect();
    let server = server.restart();
    server.publish_ok(KEY_A, "a", 5);
    for (at, cursor) in cursors.iter().enumerate() {
        let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={cursor}"));
        let connected = stream.connected();
        assert_eq!(
            (&connected["resume"], &connected["replayed"]),
            (&json!("resumed"), &json!(5 - at))
        );
        assert_eq!(stream.numbers(5 - at), (at as u64 + 1..=5).collect::<Vec<_>>());
    }
    // And once more: the lineage goes further back than one process.
    let server = server.restart();
    let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={}", cursors[0]));
    assert_eq!(stream.connected()["resume"], "resumed");
    assert_eq!(stream.numbers(5), [1, 2, 3, 4, 5]);
}

/// Neither the first start of a folder nor a later one takes anything with it when it fails.
#[test]
fn a_start_in_vain_is_no_loss() {
    let plan = Plan::with_keys();
    let folder = Arc::new(tempfile::tempdir().expect("there is a temporary folder"));
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let in_vain = plan.clone().set("VIZ_API_BIND", &address);
    assert_eq!(in_vain.run_in(folder.path()).0, 69);
    let mut server = plan.start_in(Arc::clone(&folder));
    let foreign = server.get("/api/events?after=0000000000001-5", KEY_A).json();
    assert_eq!(foreign["gap"]["reason"], "unknown_cursor", "nothing was lost before it");
    let cursor = server.publish_ok(KEY_A, "a", 0);
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(in_vain.run_in(folder.path()).0, 69);
    let server = plan.start_in(folder);
    let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={cursor}"));
    assert_eq!(stream.connected()["resume"], "resumed");
}

/// Publishes until the server takes no more; returns the numbers that were acknowledged.
fn publish_under_load(server: &Server, stop: &AtomicBool, next: &AtomicU64) -> BTreeSet<u64> {
    let mut acknowledged = BTreeSet::new();
    while !stop.load(Ordering::SeqCst) {
        let n = next.fetch_add(1, Ordering::SeqCst);
        let body = format!(r#"{{"event":"a","payload":{{"n":{n}}}}}"#);
        let bytes = Request::post("/api/events").key(KEY_A).json(&body).bytes();
        match try_exchange(server, &bytes) {
            Ok(201) => drop(acknowledged.insert(n)),
            Ok(503) | Err(_) => {}
            Ok(other) => panic!("answered {other}"),
        }
    }
    acknowledged
}

fn try_exchange(server: &Server, bytes: &[u8]) -> io::Result<u16> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(server.address)?;
    stream.write_all(bytes)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|text| text.parse().ok());
    status.ok_or(io::ErrorKind::UnexpectedEof.into())
}

/// Reads everything after a cursor, page by page.
fn read_all(server: &Server, after: &str) -> (Vec<u64>, Vec<Value>) {
    let (mut numbers, mut gaps, mut after) = (Vec::new(), Vec::new(), after.to_owned());
    loop {
        let page = server.get(&format!("/api/events?limit=500&after={after}"), KEY_A).json();
        let events = page["events"].as_array().into_iter().flatten();
        numbers.extend(events.filter_map(|event| event["payload"]["n"].as_u64()));
        gaps.extend(Some(page["gap"].clone()).filter(|gap| !gap.is_null()));
        after = page["next"].as_str().expect("never null").to_owned();
        if page["has_more"] == false {
            return (numbers, gaps);
        }
    }
}

#[test]
fn an_orderly_end_under_load_loses_nothing_that_was_acknowledged() {
    let plan = Plan::with_keys().set("REALTIME_REPLAY_MAX_EVENTS", "1000000");
    let mut server = plan.start();
    let start = server.publish_ok(KEY_A, "start", 0);
    let (stop, next) = (AtomicBool::new(false), AtomicU64::new(1));
    let acknowledged = Mutex::new(BTreeSet::new());
    let (read, resume_at) = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let own = publish_under_load(&server, &stop, &next);
                acknowledged.lock().expect("no publisher panics").extend(own);
            });
        }
        let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={start}"));
        stream.connected();
        let (mut read, mut last) = (Vec::new(), start.clone());
        loop {
            let frame = stream.event();
            if frame.is("goodbye") {
                assert_eq!(frame.json()["reason"], "drain");
                break;
            }
            read.push(number(&frame));
            last = frame.cursor().to_owned();
            if read.len() == 100 {
                server.signal("-TERM");
            }
        }
        stop.store(true, Ordering::SeqCst);
        (read, last)
    });
    assert_eq!(server.wait().code(), Some(0), "{}", server.log().text());
    let server = plan.start_in(server.folder.clone());
    let (rest, gaps) = read_all(&server, &resume_at);
    assert_eq!(gaps, Vec::<Value>::new());
    let all: BTreeSet<_> = read.iter().chain(&rest).copied().collect();
    assert_eq!(all.len(), read.len() + rest.len(), "nothing came twice");
    let acknowledged = acknowledged.into_inner().expect("no publisher panics");
    let lost: Vec<_> = acknowledged.difference(&all).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {lost:?}", lost.len(), acknowledged.len());
    assert!(acknowledged.len() >= 100);
}

#[test]
fn after_a_crash_a_reader_resumes_or_is_told_of_the_hole() {
    let server = Plan::with_keys().start();
    let saved = server.publish_ok(KEY_A, "a", 0);
    let file = server.state_dir().join("org=org_a.window");
    until("the window is saved", || file.exists());
    let published: Vec<_> = (1..200).map(|n| server.publish_ok(KEY_A, "a", n)).collect();
    let unsaved = published.last().expect("there were some");
    let server = server.crash_and_restart();
    let (numbers, gaps) = read_all(&server, &saved);
    // What is kept has no hole of its own; what may be missing is said.
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    assert!(gaps.iter().all(|gap| gap["reason"] == "data_loss"), "{gaps:?}");
    assert!(numbers.len() == published.len() || !gaps.is_empty(), "a silent hole");
    let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={unsaved}"));
    let connected = stream.connected();
    if connected["resume"] != "resumed" {
        assert_eq!(stream.next().expect("a gap").json()["reason"], "data_loss");
    }
    let after = server.publish_ok(KEY_A, "a", 1000);
    let frame = stream.event();
    assert_eq!((number(&frame), frame.cursor()), (1000, &*after));
}

#[test]
fn a_damaged_window_is_set_aside_and_said() {
    let server = Plan::with_keys().start();
    let of_a = server.publish_ok(KEY_A, "a", 0);
    let of_b = server.publish_ok(crate::support::server::KEY_B, "b", 0);
    let mut server = server;
    assert_eq!(server.terminate(), Some(0));
    let file = server.state_dir().join("org=org_a.window");
    let mut bytes = fs::read(&file).expect("it was saved");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&file, bytes).expect("it can be written");
    let server = Plan::with_keys().start_in(server.folder.clone());
    let names: Vec<_> = fs::read_dir(server.state_dir())
        .expect("it is there")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("org=org_a.window.damaged-")), "{names:?}");
    let mut stream = server.stream_as(KEY_A, &format!("/api/stream?after={of_a}"));
    assert_eq!(stream.connected()["resume"], "gap");
    assert_eq!(stream.next().expect("a gap").json()["reason"], "data_loss");
    server.publish_ok(KEY_A, "a", 1);
    assert_eq!(stream.numbers(1), [1], "it goes on");
    let path = format!("/api/stream?after={of_b}");
    let mut other = server.stream_as(crate::support::server::KEY_B, &path);
    assert_eq!(other.connected()["resume"], "resumed", "nobody else is concerned");
    assert_eq!(server.send(&Request::get("/api/health")).status, 200);
}
