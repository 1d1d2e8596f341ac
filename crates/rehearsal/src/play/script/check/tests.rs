//! That checks are read as they are written.

use super::*;

#[test]
fn checks_are_read_as_they_are_written() {
    for text in [
        "ready",
        "ledgers",
        "baseline",
        "stable",
        "redis",
        "load",
        "rto",
        "signed",
        "resume",
        "canary resume",
        "health",
        "canary health checks.realtime.selected_backend=redis",
        "setting A=b=c",
        "setting A=",
        "log viz-api listening",
        "canary log a b",
        "step S1a",
        "guard errors",
        "output T-60",
        "file deploy/scripts/canary-rollback.sh",
    ] {
        assert_eq!(Check::try_from(text.to_owned()).unwrap().to_string(), text);
    }
}

#[test]
fn what_is_no_check_is_refused_with_what_there_is() {
    for text in ["", "nothing", "canary ready", "canary", "setting A", "health A", "log", "step"] {
        let why = Check::try_from(text.to_owned()).unwrap_err();
        assert!(why.contains("setting NAME=VALUE"), "{text}: {why}");
    }
}
