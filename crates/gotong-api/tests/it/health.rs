//! Health with a database, and what keeps a server from starting.

use serde_json::json;

use crate::support::{
    http::Request,
    server::{ALICE, Plan},
};

#[test]
fn health_names_the_database_and_its_migrations() {
    for (backend, engine) in [("memory", "memory"), ("embedded", "surrealkv")] {
        let server = Plan::new(backend).start();
        let health = server.send(&Request::new("GET", "/api/health"));
        assert_eq!(health.status, 200, "{}", health.text());
        let database = health.json()["checks"]["database"].clone();
        assert_eq!(database["status"], "healthy", "{database}");
        assert_eq!((&database["backend"], &database["engine"]), (&json!(backend), &json!(engine)));
        assert_eq!(database["version"], store::SURREALDB_VERSION);
        assert_eq!(database["migration_checksum"], store::checksum());
        assert_eq!(database["migrations"], store::files().len());
        assert_eq!(server.get(ALICE, "/ready").status, 200);
        assert!(server.log().text().contains("the database is open"));
    }
}

#[test]
fn a_database_that_is_not_there_keeps_the_server_from_starting() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = nobody.local_addr().expect("it is bound");
    drop(nobody);
    let plan = Plan::new("surreal").set("SURREAL_ENDPOINT", format!("ws://{address}"));
    let (code, log) = plan.run();
    assert_eq!(code, Some(69), "{log}");
    assert!(log.contains("the database can't be reached"), "{log}");
}

#[test]
fn slips_of_the_settings_are_reported_together() {
    let plan = Plan::new("postgres")
        .set("SURREAL_ENDPOINT", "http://db:8000")
        .set("SURREAL_PASS", "hidden-password");
    let (code, log) = plan.run();
    assert_eq!(code, Some(64), "{log}");
    for part in ["DATA_BACKEND", "SURREAL_ENDPOINT", "SURREAL_USER"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(!log.contains("hidden-password"), "{log}");
}

#[test]
fn whoever_asks_for_help_gets_it_and_no_server() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    for (argument, code) in [("--help", 0), ("-h", 0), ("--port=3000", 64)] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gotong-api"));
        command.arg(argument).env_clear().current_dir(folder.path());
        let output = command.output().expect("the binary was built with the test");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{argument}: {said}");
        assert!(said.contains("configured by its environment"), "{said}");
    }
    let left = std::fs::read_dir(folder.path()).expect("it is there").count();
    assert_eq!(left, 0, "nothing was made");
}
