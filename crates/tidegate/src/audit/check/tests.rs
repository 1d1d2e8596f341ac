//! What a reader received, and what it is worth.

use event::Seq;

use super::{HOLES_MAX, ReaderCheck};

/// Reads `1 2 g:5 !3`: events, a gap that resumes after 5, an event with another content.
fn read(text: &str) -> ReaderCheck {
    let mut check = ReaderCheck::new(Seq(10));
    for word in text.split_whitespace() {
        if let Some(resumes_at) = word.strip_prefix("g:") {
            check.gap("expired", Seq(resumes_at.parse().unwrap()));
        } else {
            let number = word.trim_start_matches('!');
            check.event(Seq(number.parse().unwrap()), !word.starts_with('!'));
        }
    }
    check
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let check = read(text);
    let found = check.found();
    let gaps: u64 = found.gaps.values().sum();
    let shown = format!(
        "{} delivered, {} lost, {} repeated, {} reordered, {} altered, {gaps} gaps of {}",
        found.delivered,
        check.lost(Seq(15)),
        found.repeated,
        found.reordered,
        found.altered,
        found.told_missing,
    );
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn what_a_reader_received_is_judged() {
    check("", "0 delivered, 5 lost, 0 repeated, 0 reordered, 0 altered, 0 gaps of 0");
    check("11 12 13 14 15", "5 delivered, 0 lost, 0 repeated, 0 reordered, 0 altered, 0 gaps of 0");
    check("11 12 13", "3 delivered, 2 lost, 0 repeated, 0 reordered, 0 altered, 0 gaps of 0");
    check("11 13 14 15", "4 delivered, 1 lost, 0 repeated, 0 reordered, 0 altered, 0 gaps of 0");
    check("12 15", "2 delivered, 3 lost, 0 repeated, 0 reordered, 0 altered, 0 gaps of 0");
    check(
        "11 12 12 13 14 15",
        "5 delivered, 0 lost, 1 repeated, 0 reordered, 0 altered, 0 gaps of 0",
    );
    check("11 13 12 14 15", "4 delivered, 0 lost, 0 repeated, 1 reordered, 0 altered, 0 gaps of 0");
    check(
        "15 13 11 12 14 12",
        "1 delivered, 0 lost, 1 repeated, 4 reordered, 0 altered, 0 gaps of 0",
    );
    check(
        "11 !12 13 14 15",
        "5 delivered, 0 lost, 0 repeated, 0 reordered, 1 altered, 0 gaps of 0",
    );
    check("11 g:13 14 15", "3 delivered, 0 lost, 0 repeated, 0 reordered, 0 altered, 1 gaps of 2");
    check(
        "11 g:11 12 13 14 15 16",
        "6 delivered, 0 lost, 0 repeated, 0 reordered, 0 altered, 1 gaps of 0",
    );
    check("g:15", "0 delivered, 0 lost, 0 repeated, 0 reordered, 0 altered, 1 gaps of 5");
    check("10", "0 delivered, 5 lost, 1 repeated, 0 reordered, 0 altered, 0 gaps of 0");
}

#[test]
fn events_behind_the_end_are_no_loss() {
    let check = read("11 12 13 14 15 16 18");
    assert_eq!(check.lost(Seq(15)), 0);
    assert_eq!(check.lost(Seq(18)), 1);
    assert_eq!(check.last(), Seq(18));
}

#[test]
fn the_count_holds_beyond_the_limit_of_holes() {
    let mut check = ReaderCheck::new(Seq::ZERO);
    let events = 2 * HOLES_MAX as u64;
    for at in 1..=events {
        check.event(Seq(2 * at), true);
    }
    assert_eq!(check.lost(check.last()), events);
}
