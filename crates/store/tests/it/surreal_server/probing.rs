//! A real server under the gates' eyes.

use faults::{SurrealEngine, SurrealServer};
use store::{OpenError, QueryError, Store, probe::Clock};

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
        let stamp = store.change_stamp().await.unwrap();
        assert_eq!(stamp.clock(), Clock::Process, "{engine:?}: {stamp:?}");
        let info = super::ask(&server, "[(INFO FOR NS).databases]").await;
        let info = format!("{info:?}");
        assert!(info.contains("chat") && !info.contains("tidegate_gates"), "{info}");
    }
}
