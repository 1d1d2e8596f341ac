//! Organisations, streams, event names: what the grammars take and what they refuse.

use event::{EventName, EventNameError, OrgId, RESERVED_EVENT_NAMES, StreamName};
use proptest::prelude::*;

fn check<T: std::str::FromStr + std::fmt::Display>(good: &[&str], bad: &[&str]) {
    for text in good {
        let parsed = text.parse::<T>().ok().unwrap_or_else(|| panic!("{text:?} is refused"));
        assert_eq!(parsed.to_string(), *text);
    }
    for text in bad {
        assert!(text.parse::<T>().is_err(), "{text:?} is taken");
    }
}

#[test]
fn organisations() {
    let (longest, longer) = ("x".repeat(64), "x".repeat(65));
    let good = ["a", "0", "org_default", "Org.One-2_3", &longest];
    let bad = ["", &longer, "_a", ".a", "-a", "a b", "a:b", "a{b}", "a/b", "é", "a\n", "a=b"];
    check::<OrgId>(&good, &bad);
}

#[test]
fn streams() {
    let longest = format!("thread:{}", "x".repeat(128));
    let longer = format!("{longest}x");
    let good = ["org:org_default", "thread:1", "thread:.-_", "chain:eth", "ops", "probe", &longest];
    let bad = [
        "",
        "org",
        "org:",
        "org:_a",
        "thread:",
        "thread:a:b",
        "chain:a b",
        "ops:",
        "ops:a",
        "Ops",
        "other:a",
        ":a",
        &longer,
        "thread:é",
    ];
    check::<StreamName>(&good, &bad);
}

#[test]
fn event_names() {
    let (longest, longer) = ("x".repeat(64), "x".repeat(65));
    let good = ["a", "0", "action.created", "a-b_c.d", "gaps", "message.sent", &longest];
    let bad = ["", "A", "aB", ".a", "_a", "a b", "a:b", "a*", "é", "a\n", &longer];
    check::<EventName>(&good, &bad);
}

#[test]
fn the_servers_own_names_are_refused() {
    assert_eq!(
        RESERVED_EVENT_NAMES,
        ["connected", "gap", "goodbye", "message", "error", "open", "ping"]
    );
    for name in RESERVED_EVENT_NAMES {
        let refused = name.parse::<EventName>();
        assert_eq!(refused, Err(EventNameError::Reserved(name.to_owned())));
    }
}

proptest! {
    #[test]
    fn what_is_taken_is_written_as_it_was(text in "\\PC{0,20}|(org|thread|chain):[a-z0-9.]{1,9}") {
        if let Ok(name) = text.parse::<StreamName>() {
            prop_assert_eq!(name.to_string(), &*text);
        }
        if let Ok(org) = text.parse::<OrgId>() {
            prop_assert_eq!(org.as_str(), &*text);
        }
        if let Ok(name) = text.parse::<EventName>() {
            prop_assert_eq!(name.as_str(), &*text);
        }
    }
}
