//! A SurrealDB server: kept, stopped, started again, emptied, paused.
//!
//! The name of this module is what the test command leaves out by where there is no server.

mod chains;
mod deployment;
mod places;
mod replicas;
mod storm;

use std::time::Instant;

use faults::{SURREAL_PASSWORD, SURREAL_USER, SurrealEngine, SurrealServer};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::support::{
    http::Request,
    server::{ALICE, BOB, Plan, Server},
    wait::{PATIENCE, until},
    ws::Ws,
};

/// A database server with the runtime that its tools need.
struct Database {
    runtime: Runtime,
    server: SurrealServer,
}

impl Database {
    fn start() -> Self {
        let runtime = Runtime::new().expect("there are threads");
        let server = runtime.block_on(SurrealServer::start(SurrealEngine::SurrealKv));
        Database { runtime, server }
    }

    fn run(&mut self) {
        self.runtime.block_on(self.server.run());
    }

    /// Asks for one statement, behind everybody's back.
    fn ask(&self, text: &str) -> Value {
        let answer: Value = self.runtime.block_on(async {
            let url = format!("http://{}/sql", self.server.address());
            let request = reqwest::Client::new().post(url).body(text.to_owned());
            let request = request.basic_auth(SURREAL_USER, Some(SURREAL_PASSWORD));
            let request = request.header("surreal-ns", "gotong").header("surreal-db", "chat");
            let answer = request.header("accept", "application/json").send().await;
            answer.expect("it answers").json().await.expect("JSON")
        });
        assert_eq!(answer[0]["status"], "OK", "{text}: {answer}");
        answer
    }

    fn plan(&self) -> Plan {
        Plan::new("surreal")
            .set("SURREAL_ENDPOINT", format!("ws://{}", self.server.address()))
            .set("SURREAL_USER", SURREAL_USER)
            .set("SURREAL_PASS", SURREAL_PASSWORD)
    }
}

fn database_is(server: &Server, status: &str) -> bool {
    let health = server.send(&Request::new("GET", "/api/health")).json();
    health["checks"]["database"]["status"] == status
}

#[test]
fn a_database_that_stops_is_503_and_closes_nothing() {
    let mut database = Database::start();
    let server = database.plan().start();
    let thread = server.thread(ALICE, "private");
    server.say(ALICE, &thread, "one");
    let mut stream = server.stream(ALICE, &thread, &[]);
    assert!(stream.opening().is("ping"));
    let mut ws = Ws::open(server.address, &format!("/v1/chat/threads/{thread}/messages/ws"), ALICE);
    ws.next_of("subscribed");
    database.server.kill();
    let answer = server.try_say(ALICE, &thread, "two", "r-2");
    answer.assert_error(503, "unavailable");
    assert!(answer.header("retry-after").is_some());
    server
        .get(BOB, &format!("/v1/chat/threads/{thread}/messages"))
        .assert_error(503, "unavailable");
    let path = "/v1/chat/threads/{id}/messages";
    let errors = server.metric(&format!(
        "tidegate_http_requests_total{{route=\"{path}\",method=\"GET\",status_class=\"5xx\"}}"
    ));
    assert!(errors >= 1.0, "the alarm for 5xx moves");
    until("health says so", || database_is(&server, "unhealthy"));
    database.run();
    until("the database is back", || database_is(&server, "healthy"));
    until("sending works", || server.try_say(ALICE, &thread, "two", "r-2").status == 201);
    let frame = stream.event();
    assert_eq!(frame.json()["body"], "two", "the stream went on: {frame:?}");
    assert_eq!(ws.next_of("event")["envelope"]["payload"]["body"], "two");
    assert_eq!(server.bodies(ALICE, &thread, 0), ["one", "two"]);
}

fn readiness(server: &Server) -> (u16, Value) {
    let ready = server.send(&Request::new("GET", "/ready"));
    (ready.status, ready.json())
}

#[test]
fn a_server_without_its_database_is_sent_nothing_and_holds_nobody_up() {
    let mut database = Database::start();
    let server = database.plan().start();
    let thread = server.thread(ALICE, "public");
    server.say(ALICE, &thread, "one");
    let checks = json!({"lifecycle": "ready", "realtime": "ok", "database": "ok", "ingest": {"status": "off", "mode": "off", "reasons": []}});
    assert_eq!(readiness(&server).1["checks"], checks);
    database.server.kill();
    until("it is not ready", || readiness(&server).0 == 503);
    let ready = readiness(&server).1;
    // Its port is closed: that is found out without a request that waits in vain.
    assert_eq!(ready["reason"], "the database can't be reached", "{ready}");
    let checks = json!({"lifecycle": "ready", "realtime": "ok", "database": "unhealthy", "ingest": {"status": "off", "mode": "off", "reasons": []}});
    assert_eq!((&ready["status"], &ready["checks"]), (&json!("unavailable"), &checks), "{ready}");
    assert_eq!(server.send(&Request::new("GET", "/health")).status, 200, "it lives");
    // If every one waited for the database, these would take minutes.
    let end = Instant::now() + PATIENCE;
    let threads = "/v1/chat/threads";
    for path in [&*format!("{threads}/{thread}/members"), &*format!("{threads}?scope_id=scope")] {
        for _ in 0..50 {
            let answer = server.get(BOB, path);
            answer.assert_error(503, "unavailable");
            assert!(answer.header("retry-after").is_some());
            assert!(Instant::now() < end, "{path} waits each time");
        }
    }
    database.run();
    until("it is ready", || readiness(&server).0 == 200);
    until("sending works", || server.try_say(ALICE, &thread, "two", "r-2").status == 201);
    assert_eq!(server.bodies(ALICE, &thread, 0), ["one", "two"]);
}

#[test]
fn nobody_outside_is_told_the_words_of_the_databases_client() {
    let mut database = Database::start();
    let server = database.plan().start();
    database.server.kill();
    let health = || server.send(&Request::new("GET", "/api/health")).json();
    let reason = |health: &Value| health["checks"]["database"]["reason"].clone();
    let fixed = json!("the database can't be reached");
    until("it is known", || {
        server.get(ALICE, "/v1/chat/threads?scope_id=scope").assert_error(503, "unavailable");
        reason(&health()) == fixed
    });
    assert_eq!(readiness(&server).1["reason"], fixed);
    // What it was is for whoever reads the log.
    let words = "Connection refused";
    until("the log has it", || server.log().text().contains(words));
    for text in [health().to_string(), readiness(&server).1.to_string()] {
        assert!(!text.contains(words) && !text.contains("127.0.0.1"), "{text}");
    }
}

#[test]
fn a_database_that_came_back_empty_is_no_empty_thread() {
    let mut database = Database::start();
    let server = database.plan().start();
    let thread = server.thread(ALICE, "public");
    server.say(ALICE, &thread, "one");
    database.server.kill();
    database.server.forget();
    database.run();
    let path = format!("/v1/chat/threads/{thread}/messages");
    server.get(ALICE, &path).assert_error(503, "unavailable");
    server.try_say(ALICE, &thread, "two", "r").assert_error(503, "unavailable");
    assert!(database_is(&server, "unhealthy"));
    assert_eq!(readiness(&server).0, 503);
}

#[test]
fn what_a_server_keeps_outlives_this_process() {
    let database = Database::start();
    let mut server = database.plan().start();
    let thread = server.thread(ALICE, "private");
    for n in 1..=5 {
        assert_eq!(server.try_say(ALICE, &thread, &n.to_string(), &n.to_string()).status, 201);
    }
    server = server.crash_and_restart();
    let again = server.try_say(ALICE, &thread, "5", "5");
    assert_eq!((again.status, &again.json()["seq"]), (201, &json!(5)));
    assert_eq!(server.say(ALICE, &thread, "6")["seq"], 6);
    assert_eq!(server.bodies(ALICE, &thread, 0), ["1", "2", "3", "4", "5", "6"]);
}

#[test]
fn a_paused_database_is_waited_for_and_then_503() {
    let database = Database::start();
    let server = database.plan().start();
    let thread = server.thread(ALICE, "public");
    server.say(ALICE, &thread, "one");
    database.server.pause();
    // Of two attempts at once the second one waits for the first.
    let attempt = || server.try_say(ALICE, &thread, "two", "r-2").status;
    let both = std::thread::scope(|scope| {
        [scope.spawn(attempt), scope.spawn(attempt)].map(|one| one.join().expect("it ends"))
    });
    assert!(both.iter().all(|status| [503, 409].contains(status)), "{both:?}");
    let waited = server.metric("tidegate_idempotency_total{result=\"in_flight\"}");
    assert_eq!(waited, 1.0, "{both:?}");
    until("it is sent nothing", || readiness(&server).0 == 503);
    database.server.go_on();
    until("it is ready", || readiness(&server).0 == 200);
    until("sending works", || server.try_say(ALICE, &thread, "two", "r-2").status == 201);
    assert_eq!(server.bodies(ALICE, &thread, 0), ["one", "two"]);
}
