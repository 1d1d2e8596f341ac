//! A real server under the gates' eyes.

use faults::{SurrealEngine, SurrealServer};
use store::{
    OpenError, QueryError, Store,
    probe::{Clock, StampError},
};

use crate::{kit, probe};

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_gets_to_its_rows_on_a_server() {
    for engine in [SurrealEngine::Memory, SurrealEngine::SurrealKv] {
        let server = SurrealServer::start(engine).await;
        let options = kit::server(server.address());
        let nothing = Store::attach(options.clone()).await.err();
        assert_eq!(nothing, Some(OpenError::Query(QueryError::Other)), "it makes none");
        kit::open(options.clone()).await;
        let store = Store::attach(options).await.unwrap();
        probe::all(&store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stamps_of_engines_here_are_of_the_processs_clock_and_leave_nothing() {
    for engine in [SurrealEngine::Memory, SurrealEngine::SurrealKv] {
        let server = SurrealServer::start(engine).await;
        let store = kit::open(kit::server(server.address())).await;
        let stamp = store.change_stamp("tidegate_gates_a").await.unwrap();
        assert_eq!(stamp.clock(), Clock::Process, "{engine:?}: {stamp:?}");
        let info = super::ask(&server, "[(INFO FOR NS).databases]").await;
        let info = format!("{info:?}");
        assert!(info.contains("chat") && !info.contains("tidegate_gates"), "{info}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_gates_is_seen_and_removed_and_ours_never() {
    let server = SurrealServer::start(SurrealEngine::SurrealKv).await;
    let store = kit::open(kit::server(server.address())).await;
    super::ask(&server, "DEFINE DATABASE tidegate_gates_left").await;
    assert_eq!(store.has_database("tidegate_gates_left").await, Ok(true));
    store.forget_database("tidegate_gates_left").await.unwrap();
    assert_eq!(store.has_database("tidegate_gates_left").await, Ok(false));
    for name in ["chat", "a` ; REMOVE DATABASE `chat"] {
        assert!(store.forget_database(name).await.is_err(), "{name}");
        let stamped = store.change_stamp(name).await;
        assert!(matches!(stamped, Err(StampError::NotMade(_))), "{name}: {stamped:?}");
    }
    assert_eq!(store.has_database("chat").await, Ok(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_make_no_database_left_none() {
    let server = SurrealServer::start(SurrealEngine::SurrealKv).await;
    kit::open(kit::server(server.address())).await.close().await;
    let user = "DEFINE USER chat ON DATABASE PASSWORD 'chat-password' ROLES EDITOR";
    super::ask(&server, user).await;
    let store = kit::open(kit::server_as(server.address(), "chat", "chat-password")).await;
    let stamped = store.change_stamp("tidegate_gates_a").await;
    assert!(matches!(stamped, Err(StampError::NotMade(_))), "{stamped:?}");
}
