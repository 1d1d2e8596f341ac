//! Two replicas behind a load balancer while each part is killed in turn: senders that try again and
//! readers that come back find one order, without a hole.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use faults::RedisServer;
use serde_json::{Value, json};

use super::Database;
use crate::support::{
    edge::EdgePlan,
    http::Request,
    server::{ALICE, BOB, CAROL, Server},
    wait::until,
};

const SENDERS: u64 = 32;
const EACH: u64 = 20;
const ALL: u64 = SENDERS * EACH;
const READERS: u64 = 200;

/// How long a reader waits for the next line before it comes again.
const SILENCE: Duration = Duration::from_secs(5);

/// A message as one reader saw it: its number is its place.
type Seen = Vec<(String, String)>;

/// Sends a message until it is acknowledged, by one request id; returns its number.
fn say(edge: SocketAddr, key: &str, thread: &str, body: &str) -> u64 {
    let path = format!("/v1/chat/threads/{thread}/messages/send");
    let request = Request::new("POST", &path)
        .key(key)
        .header("idempotency-key", body)
        .json(&json!({"body": body}).to_string());
    let mut seq = 0;
    until("a message is acknowledged", || {
        let Some(answer) = request.try_send_to(edge) else { return false };
        assert!([201, 502, 503, 504].contains(&answer.status), "{}", answer.text());
        if answer.status == 201 {
            seq = answer.json()["seq"].as_u64().expect("a number");
        }
        answer.status == 201
    });
    seq
}

/// Reads some messages on one connection; ends with it, or where it has read so many.
fn read_some(
    edge: SocketAddr,
    thread: &str,
    seen: &mut Seen,
    place: &mut String,
    most: u64,
) -> io::Result<()> {
    let mut stream = TcpStream::connect(edge)?;
    stream.set_read_timeout(Some(SILENCE))?;
    let head = format!(
        "GET /v1/chat/threads/{thread}/messages/stream HTTP/1.1\r\nhost: test\r\n\
         x-api-key: {BOB}\r\nlast-event-id: {place}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    let (mut id, mut event, mut count) = (String::new(), String::new(), 0);
    while count < most && (seen.len() as u64) < ALL {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end().split_once(": ") {
            Some(("id", value)) => id = value.to_owned(),
            Some(("event", value)) => event = value.to_owned(),
            Some(("data", value)) if event == "message" => {
                let message: Value = serde_json::from_str(value).expect("data is JSON");
                assert_eq!(message["seq"], seen.len() as u64 + 1, "no hole, no repeat");
                let text = |field: &str| message[field].as_str().expect("a text").to_owned();
                seen.push((text("message_id"), text("body")));
                place.clone_from(&id);
                count += 1;
            }
            Some(("data", value)) => {
                assert!(["ping", "goodbye"].contains(&event.as_str()), "{event}: {value}");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads all messages, dropping the connection again and again.
fn read_all(edge: SocketAddr, thread: &str, reader: u64) -> Seen {
    let (mut seen, mut place, mut turn) = (Seen::new(), "0".to_owned(), 0);
    until("a reader has all messages", || {
        turn += 1;
        let most = 20 + (reader * 13 + turn * 29) % 90;
        // A connection that breaks is what the reader comes back from.
        let _broken = read_some(edge, thread, &mut seen, &mut place, most);
        seen.len() as u64 == ALL
    });
    seen
}

/// Returns all messages that a replica gives page by page.
fn pages(server: &Server, thread: &str) -> Seen {
    let mut seen = Seen::new();
    loop {
        let path = format!("/v1/chat/threads/{thread}/messages?limit=200&after={}", seen.len());
        let answer = server.get(ALICE, &path);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        for message in page["messages"].as_array().expect("a list") {
            assert_eq!(message["seq"], seen.len() as u64 + 1, "no hole");
            let text = |field: &str| message[field].as_str().expect("a text").to_owned();
            seen.push((text("message_id"), text("body")));
        }
        if page["has_more"] != true {
            return seen;
        }
    }
}

/// One order without a hole: what senders were told, what readers saw, what the replicas have.
fn judge(by_number: BTreeMap<u64, String>, readers: &[Seen], replicas: &[Server], thread: &str) {
    let numbers: Vec<_> = by_number.keys().copied().collect();
    assert_eq!(numbers, (1..=ALL).collect::<Vec<_>>(), "each number is given once");
    assert_eq!((readers.len() as u64, replicas.len()), (READERS, 2));
    for seen in readers {
        assert_eq!(*seen, readers[0], "all readers are equal");
    }
    for replica in replicas {
        assert_eq!(pages(replica, thread), readers[0], "the database has what was read");
    }
    let bodies: Vec<_> = readers[0].iter().map(|(_, body)| body.clone()).collect();
    let order: Vec<_> = by_number.into_values().collect();
    assert_eq!(bodies, order, "each message stands under the number that was acknowledged");
}

#[test]
fn a_storm_over_every_part_leaves_one_order_without_a_hole() {
    let mut database = Database::start();
    let mut redis = database.runtime.block_on(RedisServer::start());
    let plan = database
        .plan()
        .set("REDIS_URL", redis.url())
        .set("CHAT_REALTIME_TRANSPORT", "redis")
        .set("TIDEGATE_ORG_STREAMS_MAX", "2000");
    let [first, second] = [plan.start(), plan.start()];
    let edge = EdgePlan::before([first.address, second.address]).start();
    let at = edge.address;
    let thread = first.thread(ALICE, "public");
    for key in [BOB, CAROL] {
        second.join(key, &thread);
    }
    let acknowledged = AtomicU64::new(0);
    let (mut by_number, mut readers) = (BTreeMap::new(), Vec::new());
    let mut replicas = None;
    thread::scope(|scope| {
        let (thread, acknowledged) = (&*thread, &acknowledged);
        let reading: Vec<_> =
            (0..READERS).map(|n| scope.spawn(move || read_all(at, thread, n))).collect();
        let send = move |sender: u64| {
            let key = [ALICE, BOB, CAROL][(sender % 3) as usize];
            let mut taken = Vec::new();
            for n in 0..EACH {
                let body = format!("{sender}-{n}");
                taken.push((say(at, key, thread, &body), body));
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            taken
        };
        let sending: Vec<_> = (0..SENDERS).map(|n| scope.spawn(move || send(n))).collect();
        let come_to = |part: u64| {
            until("messages are acknowledged", || {
                acknowledged.load(Ordering::SeqCst) >= ALL * part / 5
            });
        };
        come_to(1);
        let first = first.crash_and_come_back();
        come_to(2);
        database.server.kill();
        database.run();
        come_to(3);
        redis.kill();
        database.runtime.block_on(redis.run());
        come_to(4);
        let second = second.crash_and_come_back();
        replicas = Some([first, second]);
        for sender in sending {
            for (seq, body) in sender.join().expect("a sender ends") {
                assert_eq!(by_number.insert(seq, body), None, "{seq} was given twice");
            }
        }
        readers.extend(reading.into_iter().map(|reader| reader.join().expect("it ends")));
    });
    judge(by_number, &readers, &replicas.map_or_else(Vec::new, Vec::from), &thread);
}
