//! Numbers at the edge of what is allowed, and words that are not.

use node_runtime::Settings;

use crate::support::{parsed, problems};

type Field = fn(&Settings) -> u64;

/// Each number: its least, its most, and the field that it ends up in.
const NUMBERS: [(&str, u64, u64, Field); 10] = [
    ("REALTIME_REPLAY_WINDOW_SECONDS", 60, 86_400, |s| s.realtime.replay_window.as_secs()),
    ("REALTIME_REPLAY_MAX_EVENTS", 200, 1_000_000, |s| s.realtime.replay_events_max as u64),
    ("TIDEGATE_DRAIN_SECONDS", 1, 3600, |s| s.drain.as_secs()),
    ("TIDEGATE_PAYLOAD_BYTES_MAX", 2, 1 << 30, |s| s.limits.payload_bytes_max as u64),
    ("TIDEGATE_BODY_BYTES_MAX", 1024, 1 << 30, |s| s.limits.body_bytes_max as u64),
    ("TIDEGATE_BATCH_EVENTS_MAX", 1, 10_000, |s| s.limits.batch_events_max as u64),
    ("TIDEGATE_ORG_STREAMS_MAX", 1, 10_000_000, |s| s.limits.org_streams_max as u64),
    ("TIDEGATE_ORG_EVENTS_PER_SECOND", 1, 10_000_000, |s| s.limits.org_events_per_second.into()),
    ("TIDEGATE_LAG_BYTES_MAX", 64 << 10, 1 << 30, |s| s.limits.lag_bytes_max),
    ("TIDEGATE_LAG_SECONDS_MAX", 1, 3600, |s| s.limits.lag_max.as_secs()),
];

#[test]
fn a_number_is_taken_within_its_bounds() {
    for (name, least, most, field) in NUMBERS {
        for number in [least, most] {
            // A payload is part of a body; the later one of two values counts.
            let body = ("TIDEGATE_BODY_BYTES_MAX", "1073741824");
            let settings = parsed(&[body, (name, &number.to_string())]);
            assert_eq!(field(&settings), number, "{name}");
        }
    }
}

#[test]
fn a_number_beyond_its_bounds_is_told_with_them() {
    for (name, least, most, _) in NUMBERS {
        for number in [least - 1, most + 1, u64::MAX] {
            let problems = problems(&[(name, &number.to_string())]);
            let [problem] = &problems[..] else { panic!("{problems:?}") };
            assert_eq!(problem.setting, name);
            assert_eq!(problem.given, Some(number.to_string()));
            let text = problem.to_string();
            assert!(text.contains(&format!("from {least} to {most}")), "{text}");
        }
    }
}

#[test]
fn a_payload_fits_into_a_body() {
    let (payload, body) = ("TIDEGATE_PAYLOAD_BYTES_MAX", "TIDEGATE_BODY_BYTES_MAX");
    let limits = |given: &[(&str, &str)]| {
        let limits = parsed(given).limits;
        (limits.payload_bytes_max, limits.body_bytes_max)
    };
    assert_eq!(limits(&[(payload, "4096"), (body, "4096")]), (4096, 4096));
    assert_eq!(limits(&[(body, "4096")]), (4096, 4096), "the default is no larger");
    for given in [&[(payload, "4097"), (body, "4096")][..], &[(payload, "8388609")]] {
        let problems = problems(given);
        assert_eq!((problems.len(), &*problems[0].setting), (1, payload), "{problems:?}");
        assert!(problems[0].allowed.contains(body), "{problems:?}");
    }
}

#[test]
fn what_is_no_whole_number_is_refused() {
    for (name, least, ..) in NUMBERS {
        let (spaced, fraction, plus) =
            (format!(" {least}"), format!("{least}.0"), format!("-{least}"));
        for text in [
            "",
            "x",
            "1e3",
            "0x10",
            "ten",
            "1_000",
            "18446744073709551616",
            &spaced,
            &fraction,
            &plus,
        ] {
            if text.is_empty() {
                parsed(&[(name, text)]);
                continue;
            }
            assert_eq!(problems(&[(name, text)])[0].setting, name, "{text}");
        }
    }
}

#[test]
fn a_word_that_is_not_allowed_is_never_replaced_in_silence() {
    let table: [(&str, &[&str], &[&str]); 14] = [
        ("REALTIME_BACKEND", &["memory"], &["rediss", "Redis", "none", "memory "]),
        ("CHAT_REALTIME_TRANSPORT", &["local"], &["memory", "LOCAL", "rediss"]),
        (
            "CHAT_REALTIME_CHANNEL_PREFIX",
            &["a", "gotong:chat:realtime"],
            &["a b", "a{b}", "ä", "a*"],
        ),
        ("DATA_BACKEND", &["memory", "embedded", "surreal"], &["postgres", "Embedded"]),
        (
            "SURREAL_ENDPOINT",
            &["ws://127.0.0.1:8000", "ws://db.local:1/", "ws://[::1]:8000"],
            &[
                "db:8000",
                "http://db:8000",
                "wss://db:8000",
                "ws://u:p@db:8000",
                "ws://db",
                "ws://db:0",
            ],
        ),
        ("SURREAL_NS", &["gotong", "a-b_c1"], &["a b", "a;DROP", "ä"]),
        ("VIZ_API_INGEST_MODE", &["off", "replay"], &["rpc", "p2p", "hybrid", "on", "rcp"]),
        ("VIZ_API_REPLAY_SPEED", &["1", "0.5", "max"], &["0", "-1", "fast", "NaN", "1e9"]),
        (
            "VIZ_API_ANALYSIS",
            &["features", "opportunities", "features,opportunities", "simulations", "off"],
            &["on", "sim", "off,features", "Features"],
        ),
        ("VIZ_API_EVENTS_HELD_MAX", &["1000", "250000"], &["999", "many"]),
        ("VIZ_API_JOURNAL_BYTES_MAX", &["67108864"], &["1", "4GB"]),
        ("VIZ_API_JOURNAL_QUEUE_MAX", &["16"], &["15", "-1"]),
        ("TIDEGATE_LOG_FORMAT", &["human", "json"], &["text", "JSON"]),
        (
            "VIZ_API_BIND",
            &["127.0.0.1:1"],
            &["localhost:3000", ":3000", "3000", "127.0.0.1", "127.0.0.1:70000"],
        ),
    ];
    for (name, good, bad) in table {
        good.iter().for_each(|word| drop(parsed(&[(name, word)])));
        for word in bad {
            let problems = problems(&[(name, word)]);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!((&*problems[0].setting, problems[0].given.as_deref()), (name, Some(*word)));
        }
    }
}

#[test]
fn modes_that_will_not_come_are_refused_by_name() {
    for mode in ["p2p", "hybrid"] {
        let text = problems(&[("VIZ_API_INGEST_MODE", mode)])[0].to_string();
        assert!(text.contains("p2p and hybrid are not supported"), "{text}");
    }
}

#[test]
fn an_origin_has_no_path_and_no_wildcard() {
    let bad = [
        "*",
        "example.com",
        "https://",
        "https://a.example.com/",
        "https://a.example.com/x",
        "ftp://a",
        "https://a.example.com,",
        "https://a b",
        "https://*.example.com",
        "null",
    ];
    for origin in bad {
        assert_eq!(
            problems(&[("TIDEGATE_CORS_ORIGINS", origin)])[0].setting,
            "TIDEGATE_CORS_ORIGINS",
            "{origin}"
        );
    }
    assert_eq!(parsed(&[("TIDEGATE_CORS_ORIGINS", "http://[::1]:3000")]).cors_origins.len(), 1);
}

#[test]
fn a_malformed_filter_is_refused() {
    for filter in ["viz_api=loud", "=", "a=b=c", "[unclosed"] {
        assert_eq!(problems(&[("TIDEGATE_LOG", filter)])[0].setting, "TIDEGATE_LOG", "{filter}");
    }
    for filter in ["trace", "off", "info,hyper=warn", "viz_api::routes=debug"] {
        assert_eq!(parsed(&[("TIDEGATE_LOG", filter)]).log.filter, filter);
    }
}
