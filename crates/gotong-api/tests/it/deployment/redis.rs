//! `redis.conf` and the command that starts Redis: what it is then set to.

use std::process::Command;

use super::{composed, environment, text_of, words};
use crate::support::{
    peers::{PASSWORD, RedisOfCompose},
    wait::until,
};

#[test]
fn redis_keeps_what_it_took_and_evicts_nothing() {
    let redis = RedisOfCompose::start();
    let of = |name: &str| redis.ask(&["CONFIG", "GET", name]).lines().nth(1).map(str::to_owned);
    for (name, value) in [
        ("appendonly", "yes"),
        ("appendfsync", "everysec"),
        ("maxmemory-policy", "noeviction"),
        ("save", ""),
        ("requirepass", PASSWORD),
        (
            "client-output-buffer-limit",
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        ),
    ] {
        assert_eq!(of(name).unwrap_or_default(), value, "{name}");
    }
    assert_ne!(of("maxmemory").as_deref(), Some("0"), "it has a bound");
    // It writes where it is started, which the image does in `/data`.
    let volumes = composed()["services"]["redis"]["volumes"].to_string();
    assert!(volumes.contains("redis:/data:rw"), "{volumes}");
    assert!(!text_of("deploy/redis.conf").lines().any(|line| line.starts_with("dir ")));
}

#[test]
fn its_health_check_tells_whether_it_serves() {
    let mut redis = RedisOfCompose::start();
    let check = |port: u16, change: &[(&str, &str)]| {
        let composed = composed();
        let test = words(&composed["services"]["redis"]["healthcheck"]["test"]);
        assert_eq!(test[0], "CMD-SHELL");
        let script = test[1].replace("redis-cli", &format!("redis-cli -p {port}"));
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).envs(environment(&composed, "redis"));
        shell.envs(change.iter().copied());
        shell.output().expect("there is a shell").status.success()
    };
    until("it is healthy", || check(redis.port(), &[]));
    // An answer that is an error is none.
    assert!(!check(redis.port(), &[("REDISCLI_AUTH", "another-password")]));
    redis.end();
    assert!(!check(redis.port(), &[]));
}
