//! `store gates` that are interrupted, or run out of time, amid something that they wrote.

use std::time::{Duration, Instant};

use super::{
    relay::{Harm, relay},
    site::{Site, not_passed, ran},
};
use crate::command::{Running, start};

/// How long the database of a check may take to be there.
const PATIENCE: Duration = Duration::from_secs(40);

/// The run's own connection is good; the one in which a change is to be stamped hangs, after its
/// database was made.
const STAMP_HANGS: Harm = Harm::SilentAfter(1);

/// Starts the gates, and waits until there is something to remove.
fn amid_the_stamp(site: &Site) -> Running {
    let relay = relay(site.database.address(), STAMP_HANGS);
    let mut command = site.gates(&site.urls(), &[]);
    let running = start(command.env("SURREAL_ENDPOINT", format!("ws://{relay}")));
    running.wait_for("server-version");
    let deadline = Instant::now() + PATIENCE;
    while !site.ask("INFO FOR NS").to_string().contains("tidegate_gates_") {
        assert!(Instant::now() < deadline, "no database was made");
    }
    running
}

#[test]
fn a_database_of_a_check_that_ran_out_of_time_is_removed() {
    let site = Site::start();
    let relay = relay(site.database.address(), STAMP_HANGS);
    let mut command = site.gates(&site.urls(), &["--deadline", "3"]);
    let ran = ran(command.env("SURREAL_ENDPOINT", format!("ws://{relay}")));
    let wanted = ["storage-engine", "reconnect"].map(|gate| (gate.to_owned(), "ERROR".to_owned()));
    assert_eq!(not_passed(&ran), wanted, "{ran:#?}");
    let cleaned = ran.json()["checks"][8]["detail"]["databases"].clone();
    assert_eq!(cleaned.as_array().unwrap().len(), 1, "{cleaned}");
    site.assert_clean();
}

#[test]
fn whoever_interrupts_gets_a_report_and_nothing_is_left() {
    let site = Site::start();
    for signal in ["INT", "TERM"] {
        let running = amid_the_stamp(&site);
        running.signal(signal);
        let ran = running.finish();
        assert_eq!(ran.code, 69, "{signal}: {ran:?}");
        let report = ran.json();
        assert_eq!(report["verdict"], "ERROR", "{signal}: {report}");
        let checks = report["checks"].as_array().unwrap();
        assert_eq!(checks[0]["verdict"], "PASS", "{signal}: {report}");
        let interrupted = checks.iter().filter(|check| check["seen"] == "interrupted").count();
        assert_eq!(interrupted, 7, "{signal}: {report}");
        assert_eq!(checks[8]["verdict"], "PASS", "{signal}: {report}");
        site.assert_clean();
    }
}

#[test]
fn a_second_signal_ends_the_cleaning_too_and_names_what_may_be_left() {
    let site = Site::start();
    let running = amid_the_stamp(&site);
    site.database.pause();
    running.signal("INT");
    running.wait_for("another signal leaves what is there");
    running.signal("INT");
    let ran = running.finish();
    site.database.go_on();
    assert_eq!(ran.code, 69, "{ran:?}");
    let report = ran.json();
    let seen = report["checks"][8]["seen"].as_str().unwrap();
    assert!(seen.contains("perhaps left behind: the database tidegate_gates_"), "{report}");
}
