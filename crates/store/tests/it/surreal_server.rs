//! A real server: everything again, and what happens to servers.
//!
//! The name of this module is what the test command leaves out by where there is no server.

mod probing;

use std::time::Duration;

use faults::{Direction, Proxy, SURREAL_USER, SurrealEngine, SurrealServer, Toxic};
use store::{ChatError, Head, LedgerState, OpenError, QueryError, Store};
use surrealdb::{engine::any, opt::auth::Root};
use tokio::task::JoinSet;

use crate::{conformance, kit};

async fn server() -> SurrealServer {
    SurrealServer::start(SurrealEngine::SurrealKv).await
}

/// Returns the answer of another client to one statement.
async fn ask(server: &SurrealServer, text: &str) -> Vec<surrealdb::types::Value> {
    let db = any::connect(format!("ws://{}", server.address())).await.expect("it answers");
    let username = SURREAL_USER.to_owned();
    db.signin(Root { username, password: faults::SURREAL_PASSWORD.to_owned() })
        .await
        .expect("it answers");
    db.use_ns("gotong").use_db("chat").await.expect("it answers");
    db.query(text)
        .await
        .expect("it answers")
        .check()
        .expect("it answers")
        .take(0)
        .expect("it answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_keeps_to_everything() {
    for engine in [SurrealEngine::Memory, SurrealEngine::SurrealKv] {
        let server = SurrealServer::start(engine).await;
        let store = kit::open(kit::server(server.address())).await;
        conformance::all(&store).await;
        let status = store.status().await.unwrap();
        assert_eq!((status.backend, status.engine), ("surreal", None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_may_migrate_at_once() {
    const PROCESSES: usize = 6;
    for engine in [SurrealEngine::Memory, SurrealEngine::SurrealKv] {
        let server = SurrealServer::start(engine).await;
        let mut opening = JoinSet::new();
        for _ in 0..PROCESSES {
            opening.spawn(Store::open(kit::server(server.address())));
        }
        let mut stores = Vec::new();
        while let Some(opened) = opening.join_next().await {
            stores.push(opened.unwrap().expect("it opens"));
        }
        for (number, store) in (1..).zip(&stores) {
            assert_eq!(store.status().await.unwrap().ledger, LedgerState::Current);
            store.chat().write(&[kit::message("t", number)]).await.unwrap();
        }
        for store in &stores {
            let head = Head { seq: PROCESSES as u64, missing: 0 };
            assert_eq!(store.chat().head("t").await.unwrap(), head);
            let last = format!("msg_t_{PROCESSES}");
            assert_eq!(store.chat().seq_of("t", &last).await.unwrap(), Some(PROCESSES as u64));
        }
        let rows = ask(&server, "SELECT VALUE name FROM tidegate_migration").await;
        assert_eq!(rows.len(), store::files().len());
        assert!(ask(&server, "SELECT VALUE me FROM tidegate_turn").await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_a_server_changes_nothing() {
    let server = server().await;
    let options = || kit::server(server.address());
    let names: Vec<_> = store::files().iter().map(|file| file.name).collect();
    for _ in 0..2 {
        let status = Store::inspect(options()).await.unwrap();
        assert_eq!(status.ledger, LedgerState::Behind(names.clone()));
    }
    kit::open(options()).await;
    let status = Store::inspect(options()).await.unwrap();
    assert_eq!(status.ledger, LedgerState::Current);
    assert_eq!(status.applied.len(), names.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_is_refused_where_the_ledger_differs() {
    let server = server().await;
    kit::open(kit::server(server.address())).await.close().await;
    ask(&server, "UPDATE tidegate_migration:2 SET sha256 = 'changed'").await;
    let error = Store::open(kit::server(server.address())).await.err().expect("it is refused");
    let OpenError::Ledger(fault) = &error else { panic!("{error}") };
    assert!(error.to_string().contains("0002_messages.surql"), "{error}");
    let status = Store::inspect(kit::server(server.address())).await.unwrap();
    assert_eq!(status.ledger, LedgerState::Refused(fault.clone()));
    ask(&server, "DELETE tidegate_migration:2").await;
    let error = Store::open(kit::server(server.address())).await.err().expect("it is refused");
    assert!(matches!(error, OpenError::Ledger(store::LedgerFault::Hole { number: 2 })), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_refused_and_not_shown() {
    let server = server().await;
    let options = kit::server_as(server.address(), SURREAL_USER, "not-the-password-1234");
    let shown = format!("{options:?}");
    let error = Store::open(options).await.err().expect("it is refused");
    assert_eq!(error, OpenError::Query(QueryError::Refused));
    let all = format!("{shown} {error} {error:?}");
    assert!(!all.contains("not-the-password"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_the_database_is_enough() {
    let server = server().await;
    kit::open(kit::server(server.address())).await.close().await;
    ask(&server, "DEFINE USER chat ON DATABASE PASSWORD 'chat-password' ROLES EDITOR").await;
    let store = kit::open(kit::server_as(server.address(), "chat", "chat-password")).await;
    store.chat().write(&kit::messages("t", 1, 3)).await.unwrap();
    assert_eq!(store.chat().head("t").await.unwrap().seq, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_said_in_time() {
    let mut server = server().await;
    let mut options = kit::server(server.address());
    options.open_deadline = Duration::from_secs(2);
    server.kill();
    let error = Store::open(options).await.err().expect("it can't be reached");
    let is_right =
        matches!(error, OpenError::Query(QueryError::Unreachable { .. } | QueryError::Late { .. }));
    assert!(is_right, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_survives_a_restart_of_the_server() {
    let mut server = server().await;
    let store = kit::open(kit::server(server.address())).await;
    let chat = store.chat();
    chat.write(&kit::messages("t", 1, 5)).await.unwrap();
    server.kill();
    let mut writer = JoinSet::new();
    let writing = chat.clone();
    writer.spawn(async move { writing.write(&kit::messages("t", 6, 9)).await });
    server.run().await;
    writer.join_next().await.expect("there is one").unwrap().unwrap();
    let read = chat.read("t", 0, 100).await.unwrap();
    assert_eq!(read.len(), 9);
    assert!(store.connections_made() >= 2, "it connected and signed in again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_came_back_empty_is_another_one() {
    let mut server = server().await;
    let store = kit::open(kit::server(server.address())).await;
    let chat = store.chat();
    chat.write(&kit::messages("t", 1, 5)).await.unwrap();
    server.kill();
    server.forget();
    server.run().await;
    let other = Err(ChatError::Query(QueryError::Other));
    assert_eq!(chat.write(&kit::messages("t", 6, 6)).await, other);
    assert_eq!(chat.head("t").await.unwrap_err(), QueryError::Other.into());
    // Another process begins anew there; this one still does not take it for its own.
    let second = kit::open(kit::server(server.address())).await;
    assert_eq!(chat.write(&kit::messages("t", 6, 6)).await, other);
    assert_eq!(chat.read("t", 0, 10).await.unwrap_err(), QueryError::Other.into());
    assert_eq!(second.chat().head("t").await.unwrap(), Head::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_server_is_late_and_then_right() {
    let server = server().await;
    let mut options = kit::server(server.address());
    options.deadline = Duration::from_secs(2);
    let store = kit::open(options).await;
    let chat = store.chat();
    chat.write(&kit::messages("t", 1, 5)).await.unwrap();
    server.pause();
    for _ in 0..2 {
        let ChatError::Query(error) = chat.write(&kit::messages("t", 6, 9)).await.unwrap_err()
        else {
            panic!("it has no answer");
        };
        assert!(error.is_outage(), "{error}");
    }
    server.go_on();
    kit::until("the server is back", || async { chat.write(&kit::messages("t", 6, 9)).await.ok() })
        .await;
    assert_eq!(chat.head("t").await.unwrap(), Head { seq: 9, missing: 0 });
}

/// If every call waited, these would take minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_away_holds_nobody_up_and_is_found_when_it_is_back() {
    const DEADLINE: Duration = Duration::from_secs(2);
    for is_paused in [false, true] {
        let mut server = server().await;
        let mut options = kit::server(server.address());
        options.deadline = DEADLINE;
        let store = kit::open(options).await;
        let chat = store.chat();
        chat.write(&kit::messages("t", 1, 5)).await.unwrap();
        match is_paused {
            true => server.pause(),
            false => server.kill(),
        }
        let is_away = || async {
            let error = chat.head("t").await.unwrap_err();
            matches!(error, ChatError::Query(QueryError::Away { .. })).then_some(())
        };
        kit::until("it is known to be away", is_away).await;
        let all = async {
            for _ in 0..if is_paused { 1 } else { 100 } {
                let mut asking = JoinSet::new();
                for _ in 0..100 {
                    let chat = chat.clone();
                    asking.spawn(async move { chat.head("t").await });
                }
                while let Some(asked) = asking.join_next().await {
                    let error = asked.unwrap().unwrap_err();
                    let ChatError::Query(error) = error else { panic!("{error}") };
                    assert!(error.is_outage(), "{error}");
                }
            }
        };
        tokio::time::timeout(kit::PATIENCE, all).await.expect("nobody waits for the others");
        match is_paused {
            true => server.go_on(),
            false => server.run().await,
        }
        let head = kit::until("it is back", || async { chat.head("t").await.ok() }).await;
        assert_eq!(head, Head { seq: 5, missing: 0 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_way_and_a_broken_one() {
    let server = server().await;
    let proxy = Proxy::start(server.address()).await;
    let store = kit::open(kit::server(proxy.address())).await;
    let chat = store.chat();
    let latency =
        Toxic::Latency { latency: Duration::from_millis(150), jitter: Duration::from_millis(50) };
    proxy.set("slow", Direction::Downstream, latency);
    chat.write(&kit::messages("t", 1, 100)).await.unwrap();
    proxy.heal();
    let slicer =
        Toxic::Slicer { average_size: 100, size_variation: 50, delay: Duration::from_micros(100) };
    proxy.set("sliced", Direction::Upstream, slicer);
    chat.write(&kit::messages("t", 101, 150)).await.unwrap();
    proxy.heal();
    // Cut amid a group, again and again; the group is written again each time.
    proxy.set("cut", Direction::Upstream, Toxic::LimitData { bytes: 20_000 });
    let large = kit::messages("t", 151, 400);
    let mut writer = JoinSet::new();
    let (writing, group) = (chat.clone(), large.clone());
    writer.spawn(async move { writing.write(&group).await });
    kit::until("it connected again", || async { (store.connections_made() > 2).then_some(()) })
        .await;
    proxy.heal();
    writer.join_next().await.expect("there is one").unwrap().unwrap();
    proxy.disable().await;
    proxy.enable().await;
    chat.write(&large).await.unwrap();
    assert_eq!(chat.head("t").await.unwrap(), Head { seq: 400, missing: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_black_hole_is_late_and_the_next_call_has_another_connection() {
    let server = server().await;
    let proxy = Proxy::start(server.address()).await;
    let mut options = kit::server(proxy.address());
    options.deadline = Duration::from_secs(2);
    let store = kit::open(options).await;
    let chat = store.chat();
    proxy.set("hole", Direction::Upstream, Toxic::Timeout { timeout: Duration::ZERO });
    let error = chat.write(&kit::messages("t", 1, 5)).await.unwrap_err();
    assert!(matches!(&error, ChatError::Query(error) if error.is_outage()), "{error}");
    proxy.heal();
    kit::until("the way is back", || async { chat.write(&kit::messages("t", 1, 5)).await.ok() })
        .await;
    assert!(store.connections_made() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_late_is_not_used_again() {
    let hung = server().await;
    let other = server().await;
    kit::open(kit::server(other.address())).await;
    let proxy = Proxy::start(hung.address()).await;
    let mut options = kit::server(proxy.address());
    options.deadline = Duration::from_secs(2);
    let store = kit::open(options).await;
    let chat = store.chat();
    hung.pause();
    let late = chat.head("t").await.expect_err("nobody answers");
    assert!(matches!(late, ChatError::Query(QueryError::Late { .. })), "{late}");
    // The old connection still hangs; a new one leads elsewhere.
    proxy.set_upstream(other.address());
    assert_eq!(chat.head("t").await, Err(QueryError::Other.into()));
}
