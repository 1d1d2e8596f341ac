//! Names that no setting has, and all slips in one answer.

use crate::support::{parse, parsed, problems};

#[test]
fn an_unknown_name_with_our_prefix_is_told_with_what_was_probably_meant() {
    let table = [
        ("TIDEGATE_KEYES", Some("TIDEGATE_KEYS")),
        ("REALTIME_BACKENDS", Some("REALTIME_BACKEND")),
        ("VIZ_API_BINDS", Some("VIZ_API_BIND")),
        ("CHAT_REALTIME_TRANSPORTS", Some("CHAT_REALTIME_TRANSPORT")),
        ("TIDEGATE_SOMETHING_ELSE_ALTOGETHER", None),
    ];
    for (name, meant) in table {
        let problems = problems(&[(name, "x-hidden")]);
        assert_eq!(problems[0].setting, name);
        let text = problems[0].to_string();
        assert!(text.contains("no such setting") && !text.contains("hidden"), "{text}");
        assert_eq!(meant.is_some_and(|meant| text.contains(meant)), meant.is_some(), "{text}");
    }
}

#[test]
fn variables_of_others_are_left_alone() {
    parsed(&[
        ("PATH", "/bin"),
        ("HOME", "/root"),
        ("REDIS_PASSWORD", "x"),
        ("SURREAL_LOG", "x"),
        ("tidegate_keys", "x"),
        ("DATA_DIR", "x"),
        ("MY_TIDEGATE_KEYS", "x"),
    ]);
}

/// Kubernetes sets these for a service that has our name.
#[test]
fn variables_of_a_service_of_our_name_are_left_alone() {
    for service in ["TIDEGATE", "VIZ_API", "TIDEGATE_API", "REALTIME_GATEWAY"] {
        let variables = [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "3000"),
            ("SERVICE_PORT_HTTP", "3000"),
            ("PORT", "tcp://10.0.0.1:3000"),
            ("PORT_3000_TCP", "tcp://10.0.0.1:3000"),
            ("PORT_3000_TCP_PROTO", "tcp"),
            ("PORT_3000_TCP_PORT", "3000"),
            ("PORT_3000_TCP_ADDR", "10.0.0.1"),
        ];
        for (suffix, value) in variables {
            parsed(&[(&format!("{service}_{suffix}"), value)]);
        }
    }
}

#[test]
fn all_problems_are_told_together() {
    let bad = [
        ("REALTIME_BACKEND", "rediss"),
        ("REALTIME_ENFORCE_REDIS", "perhaps"),
        ("REALTIME_REPLAY_MAX_EVENTS", "1"),
        ("REALTIME_REPLAY_WINDOW_SECONDS", "1"),
        ("TIDEGATE_CORS_ORIGINS", "*"),
        ("TIDEGATE_DRAIN_SECONDS", "0"),
        ("TIDEGATE_KEYS", "nonsense"),
        ("TIDEGATE_JWT_HS256_SECRET", "short"),
        ("TIDEGATE_LOG", "a=b=c"),
        ("TIDEGATE_LOG_FORMAT", "xml"),
        ("TIDEGATE_NOPE", "1"),
        ("VIZ_API_BIND", "x"),
        ("VIZ_API_INGEST_MODE", "p2p"),
    ];
    let error = parse(&bad).expect_err("all of it is wrong");
    let text = error.to_string();
    assert!(text.starts_with("13 problems in the settings:"), "{text}");
    for (name, _) in bad {
        assert_eq!(
            error.problems.iter().filter(|problem| problem.setting == name).count(),
            1,
            "{name}"
        );
        assert!(text.contains(name), "{name}");
    }
    assert_eq!(text.lines().count(), 14, "a line each: {text}");
    let one = parse(&[("TIDEGATE_NOPE", "1")]).expect_err("it is unknown").to_string();
    assert!(one.starts_with("1 problem in the settings:"), "{one}");
}

#[test]
fn settings_of_other_programs_and_surfaces_are_known() {
    parsed(&[
        ("CHAT_REALTIME_CHANNEL_PREFIX", "gotong:chat:realtime"),
        ("SURREAL_ENDPOINT", "ws://127.0.0.1:8000"),
        ("SURREAL_NS", "gotong"),
        ("SURREAL_DB", "chat"),
        ("SURREAL_USER", "u"),
        ("SURREAL_PASS", "p"),
        ("TIDEGATE_URL", "http://127.0.0.1:3000"),
        ("TIDEGATE_KEY", "a-key"),
    ]);
}
