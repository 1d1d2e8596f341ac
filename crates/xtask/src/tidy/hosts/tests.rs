//! What is one machine's, and what only looks like it.

use super::check;
use crate::tidy::rule::Rule::{self, MachinePath, RegistryHost};
use crate::tidy::source::Source;

fn rules(text: &str) -> Vec<Rule> {
    check(&Source::plain("docs/a.md", text)).iter().map(|breach| breach.rule).collect()
}

#[test]
fn folders_of_a_machine_are_found() {
    for text in [
        concat!("cd /", "work/main"),
        concat!("\"/", "home/jo/x\""),
        concat!("(/", "root/.cargo)"),
        concat!("PATH=/", "farm/bin"),
    ] {
        assert_eq!(rules(text), [MachinePath], "{text}");
    }
}

#[test]
fn other_paths_pass() {
    for text in [
        concat!("src/", "work/main.rs"),
        concat!("$HOME/", "work/x"),
        concat!("../", "home/x"),
        concat!("GET /", "home/ HTTP/1.1"),
        "/usr/bin/env",
    ] {
        assert_eq!(rules(text), [], "{text}");
    }
}

#[test]
fn registry_hosts_are_found_outside_of_locks() {
    let text = concat!("see https://crates", ".io/crates/x");
    assert_eq!(rules(text), [RegistryHost]);
    assert!(check(&Source::plain("Cargo.lock", text)).is_empty());
}
