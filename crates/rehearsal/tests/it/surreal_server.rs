//! Two replicas with chat, one Redis and one SurrealDB server, which is broken in every way.

use std::{
    env,
    path::PathBuf,
    time::{Duration, Instant},
};

use rehearsal::{ChatLoad, Database, Fault, Load, LoadSettings};

use crate::support::{
    field::{Field, chat_server, more},
    until,
};

/// How long the last message may take; a database that was away is written to by and by.
const SETTLE: Duration = Duration::from_secs(60);

fn surreal() -> PathBuf {
    let named = env::var_os("SURREAL_BIN").filter(|name| !name.is_empty());
    named.map_or_else(|| PathBuf::from("surreal"), PathBuf::from)
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_outlive_a_broken_database() {
    let field = Field::start_with(chat_server(), |settings| {
        settings.settings.insert("REALTIME_BACKEND".into(), "redis".into());
        settings.database = Database::Server { program: surreal() };
    });
    let field = field.await.unwrap_or_else(|error| panic!("{error}"));
    let before = field.stack.capture().await;
    let rehearsed = before.rehearsed(evidence::Hash::of(b"runbook"));
    assert!(rehearsed.is_ok_and(|it| it.migrations.is_some()), "{before:?}");
    assert!(before.database_version.as_ref().is_some_and(|it| it.contains('3')), "{before:?}");
    let chat = Some(ChatLoad { threads: 2, messages_per_second: 20.0 });
    let settings = LoadSettings { chat, events_per_second: 5.0, ..field.load_settings() };
    let load = Load::start(settings).await.unwrap_or_else(|error| panic!("{error}"));
    for fault in ["database-slow=50ms", "database-hangs", "database-cut-off"] {
        let fault = Fault::parse(fault).unwrap();
        more(&load, 10).await;
        field.stack.inject(&fault).await.expect("there is a database");
        let broken = Instant::now();
        // Some messages meet it.
        until("a while", || broken.elapsed() > Duration::from_millis(500)).await;
        field.stack.mend(&fault).await.expect("it goes on");
    }
    more(&load, 20).await;
    let verdict = load.finish(SETTLE).await;
    assert!(verdict.passed, "{verdict:?}");
    assert!(verdict.chat.is_some_and(|chat| chat.threads == 2 && chat.messages > 20));
}
