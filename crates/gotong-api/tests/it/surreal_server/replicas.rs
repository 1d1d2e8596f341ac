//! Two replicas with one Redis and one database.

use faults::RedisServer;
use serde_json::json;

use super::Database;
use crate::support::{
    http::Request,
    server::{ALICE, BOB, Server},
    sse::Sse,
    wait::until,
    ws::Ws,
};

/// Two replicas and what they share.
struct Fleet {
    database: Database,
    redis: RedisServer,
    replicas: [Server; 2],
}

impl Fleet {
    fn start() -> Self {
        let database = Database::start();
        let redis = database.runtime.block_on(RedisServer::start());
        let plan = database
            .plan()
            .set("REDIS_URL", redis.url())
            .set("CHAT_REALTIME_TRANSPORT", "redis")
            .set("CHAT_REALTIME_CHANNEL_PREFIX", "gotong:test");
        let replicas = [plan.start(), plan.start()];
        Fleet { database, redis, replicas }
    }

    /// Makes a private thread of alice and bob.
    fn thread(&self) -> String {
        let thread = self.replicas[0].thread(ALICE, "private");
        let members = format!("/v1/chat/threads/{thread}/members");
        assert_eq!(self.replicas[0].post(ALICE, &members, &json!({"user_id": "bob"})).status, 201);
        self.replicas[1].join(BOB, &thread);
        thread
    }

    /// Sends until it is taken, as a client does that was told to come again.
    fn say(&self, replica: usize, key: &str, thread: &str, body: &str) -> u64 {
        let mut seq = None;
        until("a message is taken", || {
            let answer = self.replicas[replica].try_say(key, thread, body, body);
            assert!([201, 503].contains(&answer.status), "{}", answer.text());
            seq = (answer.status == 201).then(|| answer.json()["seq"].as_u64().expect("a number"));
            seq.is_some()
        });
        seq.expect("it was taken")
    }
}

/// Reads so many messages and returns what they say, checking that no number is missing.
fn bodies(stream: &mut Sse, from: u64, count: u64) -> Vec<String> {
    let mut bodies = Vec::new();
    while (bodies.len() as u64) < count {
        let frame = stream.event();
        assert!(frame.is("message"), "{frame:?}");
        let message = frame.json();
        assert_eq!(message["seq"], from + bodies.len() as u64, "{message}");
        bodies.push(message["body"].as_str().expect("a text").to_owned());
    }
    bodies
}

#[test]
fn one_order_on_both_and_requests_take_effect_once() {
    let fleet = Fleet::start();
    let thread = fleet.thread();
    let mut readers: Vec<_> = (0..2).map(|n| fleet.replicas[n].stream(BOB, &thread, &[])).collect();
    let path = format!("/v1/chat/threads/{thread}/messages/ws");
    let mut ws = Ws::open(fleet.replicas[1].address, &path, BOB);
    ws.next_of("subscribed");
    std::thread::scope(|scope| {
        for sender in 0..6 {
            let (fleet, thread) = (&fleet, &thread);
            let (replica, key) = (sender % 2, if sender < 3 { ALICE } else { BOB });
            scope.spawn(move || {
                for n in 0..15 {
                    fleet.say(replica, key, thread, &format!("{sender}-{n}"));
                }
            });
        }
    });
    let orders: Vec<_> = readers.iter_mut().map(|reader| bodies(reader, 1, 90)).collect();
    assert_eq!(orders[0], orders[1]);
    for body in &orders[0] {
        assert_eq!(ws.next_of("event")["envelope"]["payload"]["body"], *body);
    }
    for replica in &fleet.replicas {
        assert_eq!(replica.bodies(ALICE, &thread, 0), orders[0]);
    }
    // A request is known to the other replica, and to its author alone.
    let again = fleet.replicas[1].try_say(ALICE, &thread, "0-3", "0-3");
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{}", again.text());
    let conflict = fleet.replicas[1].try_say(ALICE, &thread, "other", "0-3");
    conflict.assert_error(409, "idempotency_conflict");
}

#[test]
fn readers_that_drop_and_come_back_elsewhere_miss_nothing() {
    const SENT: u64 = 120;
    let fleet = Fleet::start();
    let thread = fleet.thread();
    let (fleet, thread) = (&fleet, &thread);
    let read = move |reader: u64| {
        let mut seen = Vec::new();
        let mut place = "0".to_owned();
        // A few messages on one replica, a few more on the other one.
        for turn in 0.. {
            let replica = &fleet.replicas[((reader + turn) % 2) as usize];
            let mut stream = replica.stream(BOB, thread, &[("last-event-id", &*place)]);
            assert!(stream.opening().is("ping"));
            for _ in 0..1 + (reader * 7 + turn * 3) % 11 {
                let frame = stream.event();
                assert!(frame.is("message"), "{frame:?}");
                let message = frame.json();
                seen.push(message["body"].as_str().expect("a text").to_owned());
                assert_eq!(message["seq"], seen.len(), "no hole and no repeat");
                frame.cursor().clone_into(&mut place);
                if seen.len() as u64 == SENT {
                    return seen;
                }
            }
        }
        unreachable!("the turns have no end")
    };
    let seen: Vec<_> = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..8).map(|n| scope.spawn(move || read(n))).collect();
        for sender in 0..4 {
            scope.spawn(move || {
                for n in 0..SENT / 4 {
                    fleet.say(sender % 2, ALICE, thread, &format!("{sender}-{n}"));
                }
            });
        }
        readers.into_iter().map(|reader| reader.join().expect("it ends")).collect()
    });
    assert!(seen.iter().all(|bodies| *bodies == seen[0]), "one order for all");
    assert_eq!(fleet.replicas[0].bodies(ALICE, thread, 0), seen[0]);
}

#[test]
fn whoever_leaves_on_one_is_let_go_on_the_other() {
    let fleet = Fleet::start();
    let thread = fleet.thread();
    let mut bob = fleet.replicas[1].stream(BOB, &thread, &[]);
    let mut alice = fleet.replicas[1].stream(ALICE, &thread, &[]);
    assert!(bob.opening().is("ping") && alice.opening().is("ping"));
    let leave = format!("/v1/chat/threads/{thread}/leave");
    assert_eq!(fleet.replicas[0].post(BOB, &leave, &json!({})).status, 200);
    assert!(bob.event().is("closed"));
    fleet.say(0, ALICE, &thread, "after");
    assert_eq!(bodies(&mut alice, 1, 1), ["after"]);
}

#[test]
fn outages_of_each_part_leave_no_hole() {
    let mut fleet = Fleet::start();
    let thread = fleet.thread();
    let mut reader = fleet.replicas[1].stream(BOB, &thread, &[]);
    let mut expected = vec!["one".to_owned()];
    assert_eq!(fleet.say(0, ALICE, &thread, "one"), 1);
    // Redis is killed, and comes back with what it had, then with nothing.
    for (body, is_empty) in [("two", false), ("three", true)] {
        fleet.redis.kill();
        let refused = fleet.replicas[0].try_say(ALICE, &thread, body, body);
        refused.assert_error(503, "unavailable");
        assert_eq!(fleet.replicas[1].bodies(BOB, &thread, 0), expected, "reading goes on");
        if is_empty {
            fleet.redis.forget();
        }
        fleet.database.runtime.block_on(fleet.redis.run());
        let seq = fleet.say(0, ALICE, &thread, body);
        expected.push(body.to_owned());
        assert_eq!(seq, expected.len() as u64);
    }
    // One replica is killed; the other one goes on.
    fleet.database.server.kill();
    fleet.replicas[0].try_say(ALICE, &thread, "four", "four").assert_error(503, "unavailable");
    fleet.database.run();
    assert_eq!(fleet.say(1, ALICE, &thread, "four"), 4);
    expected.push("four".to_owned());
    let [first, second] = fleet.replicas;
    let first = first.crash_and_restart();
    assert_eq!(first.bodies(ALICE, &thread, 0), expected);
    assert_eq!(first.say(ALICE, &thread, "five")["seq"], 5);
    expected.push("five".to_owned());
    assert_eq!(bodies(&mut reader, 1, 5), expected);
    assert_eq!(second.bodies(BOB, &thread, 0), expected);
}

#[test]
fn what_is_amended_on_one_is_read_so_on_the_other() {
    let fleet = Fleet::start();
    let thread = fleet.thread();
    let mut follower = fleet.replicas[1].stream(BOB, &thread, &[]);
    for body in ["one", "two"] {
        fleet.say(0, ALICE, &thread, body);
    }
    assert_eq!(bodies(&mut follower, 1, 2), ["one", "two"]);
    let message = |n: u64| format!("/v1/chat/threads/{thread}/messages/{n}");
    let edited = Request::new("PATCH", &message(1)).key(ALICE).json("{\"body\":\"edited\"}");
    assert_eq!(fleet.replicas[0].send(&edited).status, 200);
    let deleted = Request::new("DELETE", &message(2)).key(ALICE);
    assert_eq!(fleet.replicas[0].send(&deleted).status, 200);
    let mut reader = fleet.replicas[1].stream(BOB, &thread, &[("last-event-id", "0")]);
    let first = reader.event().json();
    assert_eq!(first["body"], "edited", "{first}");
    let second = reader.event().json();
    assert!(second["deleted_at_ms"].is_u64() && second["body"] == "", "{second}");
}

/// A replica that stood still while Redis came back empty remembers what the database has.
#[test]
fn what_a_late_replica_remembers_is_not_sent_again() {
    let mut fleet = Fleet::start();
    let thread = fleet.thread();
    for n in 1..=8 {
        fleet.say(0, ALICE, &thread, &n.to_string());
    }
    fleet.replicas[0].signal("-STOP");
    fleet.redis.kill();
    fleet.redis.forget();
    fleet.database.runtime.block_on(fleet.redis.run());
    assert_eq!(fleet.say(1, ALICE, &thread, "9"), 9);
    fleet.replicas[0].signal("-CONT");
    assert_eq!(fleet.say(0, ALICE, &thread, "10"), 10);
    assert_eq!(fleet.say(1, ALICE, &thread, "11"), 11);
    let all: Vec<_> = (1..=11).map(|n: u32| n.to_string()).collect();
    for replica in &fleet.replicas {
        assert_eq!(replica.bodies(ALICE, &thread, 0), all);
    }
}

/// The database and the log lost different messages: nobody has the third one any more.
#[test]
fn a_thread_of_which_nobody_has_a_message_is_refused_until_its_log_is_given_up() {
    let fleet = Fleet::start();
    let thread = fleet.thread();
    for n in 1..=4 {
        fleet.say(0, ALICE, &thread, &n.to_string());
    }
    let Fleet { database, redis, replicas } = fleet;
    let ended = replicas.map(Server::end);
    database.ask(&format!("DELETE message:['{thread}', 3]..=['{thread}', 4]"));
    let key = format!("gotong:test:thread:{thread}");
    let mut trim = redis::cmd("XTRIM");
    trim.arg(format!("{key}:stream")).arg("MAXLEN").arg(1);
    let trimmed: u64 = database.runtime.block_on(redis.command(&mut trim));
    assert_eq!(trimmed, 3);
    let replicas = ended.map(|(plan, folder)| plan.start_in(folder));
    for replica in &replicas {
        assert_eq!(replica.bodies(ALICE, &thread, 0), ["1", "2"], "what is there can be read");
        until("the fault is known", || {
            let answer = replica.try_say(ALICE, &thread, "five", "r-5");
            answer.assert_error(503, "unavailable");
            replica.log().text().contains("and the thread's log begins with 4")
        });
    }
    // As docs/operating.md says.
    let ended = replicas.map(Server::end);
    let mut forget = redis::cmd("DEL");
    forget.arg(["meta", "stream", "keys", "ages"].map(|part| format!("{key}:{part}")).to_vec());
    let _: u64 = database.runtime.block_on(redis.command(&mut forget));
    let replicas = ended.map(|(plan, folder)| plan.start_in(folder));
    until("it is gone on with", || {
        replicas[0].try_say(ALICE, &thread, "five", "r-5").status == 201
    });
    assert_eq!(replicas[1].say(BOB, &thread, "six")["seq"], 4);
    for replica in &replicas {
        assert_eq!(replica.bodies(ALICE, &thread, 0), ["1", "2", "five", "six"]);
    }
}
