//! What a server that is given nothing does, and what each setting changes.

use std::{path::Path, time::Duration};

use node_runtime::{
    Settings,
    settings::{Backend, JwtVerifier, LogFormat},
};

use crate::support::{KEY, parsed};

#[test]
fn the_defaults_are_those_of_the_contract() {
    let settings = parsed(&[]);
    assert_eq!(settings.bind.to_string(), "127.0.0.1:3000");
    assert!(settings.keys.is_empty() && settings.jwt.is_empty() && !settings.has_auth());
    assert_eq!(settings.drain, Duration::from_secs(20));
    assert!(settings.cors_origins.is_empty() && !settings.websocket_deflate);
    let realtime = &settings.realtime;
    assert_eq!((realtime.backend, realtime.enforce_redis), (Backend::Memory, false));
    assert_eq!(realtime.redis_url, None);
    assert_eq!(realtime.replay_window, Duration::from_secs(600));
    assert_eq!(realtime.replay_events_max, 1000);
    assert_eq!(realtime.state_dir, Path::new("./tidegate-data"));
    let limits = settings.limits;
    assert_eq!((limits.payload_bytes_max, limits.body_bytes_max), (262_144, 8_388_608));
    assert_eq!((limits.batch_events_max, limits.org_streams_max), (500, 10_000));
    assert_eq!((limits.org_events_per_second, limits.lag_bytes_max), (1000, 8_388_608));
    assert_eq!(limits.lag_max, Duration::from_secs(30));
    assert_eq!((&*settings.log.filter, settings.log.format), ("info", LogFormat::Human));
    assert_eq!(format!("{:?}", Settings::default()), format!("{settings:?}"));
}

#[test]
fn a_credential_opens_the_default_address() {
    let secret = ("TIDEGATE_JWT_HS256_SECRET", "0123456789abcdef0123456789abcdef");
    for credential in [KEY, secret, ("TIDEGATE_JWT_JWKS", "/keys.json")] {
        let settings = parsed(&[credential]);
        assert_eq!(settings.bind.to_string(), "0.0.0.0:3000", "{}", credential.0);
        assert!(settings.has_auth());
    }
}

#[test]
fn an_address_that_others_reach_needs_a_credential() {
    let open = ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:80", "[2001:db8::1]:80"];
    for bind in open {
        let problems = crate::support::problems(&[("VIZ_API_BIND", bind)]);
        assert_eq!(problems.len(), 1);
        assert_eq!(
            (&*problems[0].setting, problems[0].given.as_deref()),
            ("VIZ_API_BIND", Some(bind))
        );
        assert!(problems[0].allowed.contains("TIDEGATE_KEYS"), "{}", problems[0]);
        assert_eq!(parsed(&[KEY, ("VIZ_API_BIND", bind)]).bind.to_string(), bind);
    }
    for bind in ["127.0.0.1:0", "127.9.9.9:1", "[::1]:3000"] {
        assert_eq!(parsed(&[("VIZ_API_BIND", bind)]).bind.to_string(), bind);
    }
}

#[test]
fn each_setting_changes_its_own_field() {
    let settings = parsed(&[
        KEY,
        ("TIDEGATE_JWT_HS256_SECRET", "0123456789abcdef0123456789abcdef"),
        ("TIDEGATE_JWT_JWKS", "https://issuer.example.com/keys"),
        ("REDIS_URL", "rediss://:hidden@redis.example.com"),
        ("REALTIME_BACKEND", "memory"),
        ("REALTIME_ENFORCE_REDIS", "true"),
        ("REALTIME_STATE_DIR", "/var/lib/tidegate"),
        ("TIDEGATE_CORS_ORIGINS", "https://a.example.com, http://localhost:5173"),
        ("TIDEGATE_WEBSOCKET_DEFLATE", "on"),
        ("TIDEGATE_CONSOLE", "off"),
        ("TIDEGATE_RUNS_DIR", "/var/lib/tidegate/runs"),
        ("TIDEGATE_LOG", "warn,viz_api=debug"),
        ("TIDEGATE_LOG_FORMAT", "json"),
    ]);
    assert_eq!(settings.jwt.len(), 2);
    assert!(matches!(&settings.jwt[0], JwtVerifier::Hs256(secret) if secret.expose().len() == 32));
    let JwtVerifier::JwksUrl(url) = &settings.jwt[1] else { panic!("{:?}", settings.jwt) };
    assert_eq!(url.expose(), "https://issuer.example.com/keys");
    assert!(!format!("{settings:?}").contains("issuer"), "a URL may hold a password");
    let redis = settings.realtime.redis_url.as_ref().map(|url| url.expose());
    assert_eq!(redis, Some("rediss://:hidden@redis.example.com"));
    assert!(settings.realtime.enforce_redis);
    assert_eq!(settings.realtime.state_dir, Path::new("/var/lib/tidegate"));
    assert_eq!(settings.cors_origins, ["https://a.example.com", "http://localhost:5173"]);
    assert!(settings.websocket_deflate);
    assert!(!settings.console.is_on && Settings::default().console.is_on);
    assert_eq!(settings.console.runs_dir, Path::new("/var/lib/tidegate/runs"));
    assert_eq!(
        (&*settings.log.filter, settings.log.format),
        ("warn,viz_api=debug", LogFormat::Json)
    );
    let file = parsed(&[("TIDEGATE_JWT_JWKS", "keys/set.json")]);
    assert_eq!(file.jwt, [JwtVerifier::JwksFile("keys/set.json".into())]);
}

#[test]
fn an_empty_variable_counts_as_absent() {
    let names = [
        "VIZ_API_BIND",
        "TIDEGATE_KEYS",
        "TIDEGATE_JWT_JWKS",
        "TIDEGATE_JWT_HS256_SECRET",
        "REALTIME_BACKEND",
        "REDIS_URL",
        "REALTIME_ENFORCE_REDIS",
        "REALTIME_REPLAY_WINDOW_SECONDS",
        "REALTIME_REPLAY_MAX_EVENTS",
        "REALTIME_STATE_DIR",
        "CHAT_REALTIME_TRANSPORT",
        "CHAT_REALTIME_CHANNEL_PREFIX",
        "DATA_BACKEND",
        "SURREAL_ENDPOINT",
        "SURREAL_PASS",
        "VIZ_API_INGEST_MODE",
        "VIZ_API_CHAINS",
        "VIZ_API_ANALYSIS",
        "VIZ_API_REGISTRY_PATH",
        "TIDEGATE_DRAIN_SECONDS",
        "TIDEGATE_CORS_ORIGINS",
        "TIDEGATE_PAYLOAD_BYTES_MAX",
        "TIDEGATE_LAG_SECONDS_MAX",
        "TIDEGATE_WEBSOCKET_DEFLATE",
        "TIDEGATE_CONSOLE",
        "TIDEGATE_RUNS_DIR",
        "TIDEGATE_LOG",
        "TIDEGATE_LOG_FORMAT",
    ];
    let variables: Vec<_> = names.iter().map(|name| (*name, "")).collect();
    assert_eq!(format!("{:?}", parsed(&variables)), format!("{:?}", Settings::default()));
}

#[test]
fn truth_has_four_words_each_way() {
    let strict = |word: &str| parsed(&[("REALTIME_ENFORCE_REDIS", word)]).realtime.enforce_redis;
    for (yes, no) in [("1", "0"), ("true", "false"), ("yes", "no"), ("on", "off"), ("TRUE", "Off")]
    {
        assert_eq!((strict(yes), strict(no)), (true, false), "{yes} {no}");
    }
    for name in ["REALTIME_ENFORCE_REDIS", "TIDEGATE_WEBSOCKET_DEFLATE"] {
        for word in ["2", "y", "enabled", " true", "tru", "-1"] {
            let problems = crate::support::problems(&[(name, word)]);
            assert_eq!((&*problems[0].setting, problems[0].given.as_deref()), (name, Some(word)));
        }
    }
}
