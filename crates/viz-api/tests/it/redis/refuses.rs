//! A Redis that answers and does not serve: health says why in words, and heals when it is mended.

use faults::ServerOptions;
use redis::{Cmd, cmd};

use super::{realtime, wait_for};
use crate::support::{
    redis::Redis,
    server::{KEY_A, Server},
    wait::eventually,
};

/// Returns a command from its words.
pub(super) fn command(words: &str) -> Cmd {
    let mut command = Cmd::new();
    words.split(' ').for_each(|word| {
        command.arg(word);
    });
    command
}

/// Waits until health gives a reason that has these words.
fn wait_for_reason(server: &Server, words: &str) {
    let mut last = None;
    let told = eventually(&format!("`{words}`"), || {
        let (status, health) = realtime(server);
        last = Some(health.to_string());
        let reason = health["reason"].as_str()?;
        (status == 503 && reason.contains(words)).then(|| reason.to_owned())
    });
    assert!(!told.contains("127.0.0.1"), "{told}");
}

#[test]
fn what_redis_refuses_is_told_in_words() {
    let redis = Redis::start();
    let server = redis.strict_plan().start();
    wait_for(&server, "healthy");
    for (harm, words, mend) in [
        ("CONFIG SET maxmemory 1", "out of memory", "CONFIG SET maxmemory 0"),
        ("REPLICAOF 127.0.0.1 1", "read-only", "REPLICAOF NO ONE"),
    ] {
        redis.command::<()>(&mut command(harm));
        wait_for_reason(&server, words);
        let refused = server.publish(KEY_A, r#"{"event":"a"}"#);
        refused.assert_error(503, "unavailable");
        redis.command::<()>(&mut command(mend));
        wait_for(&server, "healthy");
        eventually("publishing is taken again", || {
            (server.publish(KEY_A, r#"{"event":"a"}"#).status == 201).then_some(())
        });
    }
}

#[test]
fn a_key_of_another_program_is_named() {
    let redis = Redis::start();
    let server = redis.plan().start();
    wait_for(&server, "healthy");
    let health = server.send(&crate::support::http::Request::get("/api/health")).json();
    let name = health["checks"]["runtime"]["replica"].as_str().expect("it has a name").to_owned();
    let meta = format!("dashclaw:probe:{name}:meta");
    redis.command::<()>(cmd("SET").arg(&meta).arg("mine"));
    wait_for_reason(&server, "another program");
    redis.command::<()>(cmd("DEL").arg(&meta));
    wait_for(&server, "healthy");
}

#[test]
fn a_password_that_is_wrong_is_told_and_not_shown() {
    let password = Some("right-password".to_owned());
    let redis = Redis::start_with(ServerOptions { password, ..ServerOptions::default() });
    let right = redis.url();
    let wrong = right.replace("right-password", "hidden-password");
    let server = redis.plan().set("REDIS_URL", wrong).start();
    wait_for_reason(&server, "refuses us");
    let said = server.log().text() + &realtime(&server).1.to_string();
    assert!(!said.contains("hidden"), "{said}");
}
