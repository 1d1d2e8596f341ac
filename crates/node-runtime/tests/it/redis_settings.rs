//! What the Redis backend needs of the settings, and what of it is shown.

use node_runtime::settings::{Backend, ChatTransport};

use crate::support::{parse, parsed, problems};

#[test]
fn redis_needs_its_address() {
    let problems = problems(&[("REALTIME_BACKEND", "redis")]);
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!((&*problem.setting, &problem.given), ("REDIS_URL", &None));
    assert!(problem.allowed.contains("REALTIME_BACKEND=redis"), "{problem}");
    let empty = parse(&[("REALTIME_BACKEND", "redis"), ("REDIS_URL", "")]);
    assert_eq!(empty.expect_err("empty is absent").problems[0].setting, "REDIS_URL");
    let given = parsed(&[("REALTIME_BACKEND", "redis"), ("REDIS_URL", "redis://127.0.0.1")]);
    assert_eq!((given.realtime.backend, given.realtime.enforce_redis), (Backend::Redis, false));
    assert_eq!(parsed(&[("REDIS_URL", "redis://127.0.0.1")]).realtime.backend, Backend::Memory);
}

#[test]
fn an_address_of_any_kind_of_redis_is_passed_on_as_it_is() {
    for url in [
        "redis://127.0.0.1:6379/0",
        "redis://user:p%40ss@[::1]:6379/",
        "rediss://redis.example.com:6380/",
        "redis+sentinel://a:26379,b:26379/service",
        "redis+cluster://a:1,b:2",
        "rediss+cluster://a:1",
    ] {
        let given = parsed(&[("REALTIME_BACKEND", "redis"), ("REDIS_URL", url)]);
        assert_eq!(given.realtime.redis_url.expect("it was given").expose(), url);
    }
}

#[test]
fn an_address_of_something_else_is_named_and_not_shown() {
    for url in ["hidden.example.com:6379", "http://u:hidden@a", "rediis://:hidden@a", "://hidden"] {
        for backend in ["memory", "redis"] {
            let error = parse(&[("REALTIME_BACKEND", backend), ("REDIS_URL", url)]);
            let error = error.expect_err("it is no address of a Redis");
            assert_eq!((error.problems.len(), &*error.problems[0].setting), (1, "REDIS_URL"));
            for text in [error.to_string(), format!("{error:?}")] {
                assert!(!text.contains("hidden"), "{text}");
            }
        }
    }
}

#[test]
fn a_certificate_and_its_key_are_given_together() {
    const FILES: [&str; 2] = ["TIDEGATE_REDIS_CERT_FILE", "TIDEGATE_REDIS_KEY_FILE"];
    assert_eq!(parsed(&[]).realtime.redis_identity, None);
    for (given, lacking) in [(FILES[0], FILES[1]), (FILES[1], FILES[0])] {
        let problems = problems(&[(given, "a.pem")]);
        let [problem] = &problems[..] else { panic!("{problems:?}") };
        assert_eq!(problem.setting, lacking);
        assert!(problem.allowed.contains(given), "{problem}");
    }
    let both = parsed(&[(FILES[0], "a.pem"), (FILES[1], "a.key")]).realtime.redis_identity;
    let both = both.expect("both were given");
    assert_eq!((both.cert_file, both.key_file), ("a.pem".into(), "a.key".into()));
}

#[test]
fn chat_over_several_replicas_needs_redis_whatever_realtime_does() {
    let problems = problems(&[("CHAT_REALTIME_TRANSPORT", "redis")]);
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(&*problem.setting, "REDIS_URL");
    assert!(problem.allowed.contains("CHAT_REALTIME_TRANSPORT=redis"), "{problem}");
    let given = [("CHAT_REALTIME_TRANSPORT", "redis"), ("REDIS_URL", "redis://127.0.0.1")];
    let realtime = parsed(&given).realtime;
    assert_eq!(realtime.chat_transport, ChatTransport::Redis);
    assert_eq!(realtime.backend, Backend::Memory);
    assert_eq!(parsed(&[]).realtime.chat_transport, ChatTransport::Local);
}
