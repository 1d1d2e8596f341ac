//! The same settings in a file: kinds of values, and messages that quote no line of it.

use std::path::Path;

use crate::support::{KEY, values, with_file};

#[test]
fn a_file_has_the_same_keys_in_lower_case() {
    let text = r#"
        viz_api_bind = "127.0.0.1:4000"
        tidegate_keys = "org_a=a-key-of-org-a"
        realtime_enforce_redis = true
        realtime_replay_max_events = 250
        tidegate_log_format = "json"
        tidegate_cors_origins = ""
    "#;
    let settings = with_file(&[], text).expect("the file is in order");
    assert_eq!(settings.bind.to_string(), "127.0.0.1:4000");
    assert!(settings.realtime.enforce_redis);
    assert_eq!((settings.realtime.replay_events_max, settings.keys.len()), (250, 1));
    assert!(settings.cors_origins.is_empty(), "an empty text counts as absent here too");
}

#[test]
fn the_environment_wins() {
    let text = "realtime_replay_max_events = 250\ntidegate_drain_seconds = 5";
    let settings = with_file(&[("REALTIME_REPLAY_MAX_EVENTS", "300")], text).expect("in order");
    assert_eq!((settings.realtime.replay_events_max, settings.drain.as_secs()), (300, 5));
    let shadowed = with_file(&[("TIDEGATE_DRAIN_SECONDS", "7")], "tidegate_drain_seconds = 0");
    assert_eq!(shadowed.expect("the bad one is not used").drain.as_secs(), 7);
}

#[test]
fn a_value_has_its_own_kind() {
    let table = [
        ("tidegate_drain_seconds = \"5\"", "TIDEGATE_DRAIN_SECONDS", "a whole number"),
        ("tidegate_drain_seconds = true", "TIDEGATE_DRAIN_SECONDS", "a whole number"),
        ("realtime_enforce_redis = \"true\"", "REALTIME_ENFORCE_REDIS", "true or false"),
        ("realtime_enforce_redis = 1", "REALTIME_ENFORCE_REDIS", "true or false"),
        ("tidegate_log = true", "TIDEGATE_LOG", "a string"),
        ("viz_api_bind = 3000", "VIZ_API_BIND", "a string"),
        ("tidegate_keys = 5", "TIDEGATE_KEYS", "a string"),
        ("surreal_ns = 5", "SURREAL_NS", "a string"),
        ("viz_api_chains = true", "VIZ_API_CHAINS", "a string"),
        ("viz_api_ingest_mode = false", "VIZ_API_INGEST_MODE", "a string"),
        ("tidegate_drain_seconds = 1.5", "--config", "`tidegate_drain_seconds`"),
        ("tidegate_keys = [\"org=hidden-key\"]", "--config", "`tidegate_keys`"),
        ("[tidegate]\nkeys = \"hidden\"", "--config", "`tidegate`"),
        ("tidegate_drain_seconds = 2026-01-01", "--config", "`tidegate_drain_seconds`"),
    ];
    for (text, name, wanted) in table {
        let error = with_file(&[], text).expect_err(text);
        assert_eq!(error.problems.len(), 1, "{error}");
        assert_eq!(error.problems[0].setting, name);
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}

#[test]
fn an_unknown_key_is_told_and_so_is_one_in_the_wrong_case() {
    let error =
        with_file(&[], "tidegate_keyes = \"hidden\"\nport = 3000").expect_err("both are unknown");
    let names: Vec<_> = error.problems.iter().map(|problem| &*problem.setting).collect();
    assert_eq!(names, ["PORT", "TIDEGATE_KEYES"]);
    let error = with_file(&[], "TIDEGATE_KEYS = \"hidden\"").expect_err("keys are in lower case");
    assert!(error.to_string().contains("`tidegate_keys`"), "{error}");
    assert!(!error.to_string().contains("hidden"), "{error}");
}

#[test]
fn slips_of_the_file_and_the_environment_are_told_together() {
    let text =
        "Realtime_Backend = \"memory\"\ntidegate_log = [1]\ntidegate_drain_seconds = 0\nnope = 1";
    let error = with_file(&[("REALTIME_BACKEND", "rediss")], text).expect_err("much is wrong");
    assert_eq!(error.problems.len(), 5, "{error}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let missing = folder.path().join("missing.toml");
    for path in [missing.as_path(), folder.path(), Path::new("")] {
        let error = values(&[KEY]).with_file(path).expect_err("there is no such file");
        assert_eq!(error.problems[0].setting, "--config");
        assert_eq!(error.problems[0].given, Some(path.display().to_string()));
        assert!(error.to_string().contains("can't be read"), "{error}");
    }
    let error = with_file(&[], b"tidegate_keys = \"\xff\"").expect_err("it is no text");
    assert!(error.to_string().contains("can't be read"), "{error}");
}

#[test]
fn a_file_that_is_no_toml_is_told_by_line_and_never_quoted() {
    let table = [
        ("tidegate_keys = \"org=hidden-key", 1),
        ("\ntidegate_keys = org=hidden-key\n", 2),
        ("# x\n\ntidegate_keys: hidden-key\n", 3),
        ("hidden-key\n", 1),
        ("tidegate_log = \"info\"\ntidegate_log = \"hidden-key\"\n", 2),
        ("tidegate_keys = \"hidden-key\\q\"", 1),
        ("tidegate_keys = 'hidden-key' 'hidden-key'", 1),
        ("[hidden-key", 1),
        ("tidegate_drain_seconds = 99999999999999999999999", 1),
    ];
    for (text, line) in table {
        let error = with_file(&[], text).expect_err(text).to_string();
        assert!(error.contains(&format!("line {line} ")), "{text}: {error}");
        assert!(!error.contains("hidden"), "{error}");
    }
}
