//! A SurrealDB server: kept, stopped, started again, emptied, paused.
//!
//! The name of this module is what the test command leaves out by where there is no server.

mod deployment;
mod places;
mod replicas;
mod storm;

use faults::{SURREAL_PASSWORD, SURREAL_USER, SurrealEngine, SurrealServer};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::support::{
    http::Request,
    server::{ALICE, BOB, Plan, Server},
    wait::until,
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
    server.try_say(ALICE, &thread, "two", "r-2").assert_error(503, "unavailable");
    database.server.go_on();
    until("sending works", || server.try_say(ALICE, &thread, "two", "r-2").status == 201);
    assert_eq!(server.bodies(ALICE, &thread, 0), ["one", "two"]);
}
