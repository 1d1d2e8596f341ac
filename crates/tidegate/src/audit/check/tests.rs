//! What a reader received, and what it is worth.

use event::{Epoch, Position, Seq};

use super::{HOLES_MAX, ReaderCheck};

fn at(epoch: u64, seq: u64) -> Position {
    Position::new(Epoch::from_bits(epoch), Seq(seq))
}

/// Reads `1 2 g:5 !3 2/6`: events of the epoch 1, a gap that resumes after 5, an event with
/// another content, one of the epoch 2.
fn read(text: &str) -> ReaderCheck {
    let mut check = ReaderCheck::new(Seq(10));
    for word in text.split_whitespace() {
        if let Some(resumes_at) = word.strip_prefix("g:") {
            check.gap("expired", Seq(resumes_at.parse().unwrap()));
        } else {
            let place = word.trim_start_matches('!');
            let (epoch, seq) = place.split_once('/').unwrap_or(("1", place));
            let position = at(epoch.parse().unwrap(), seq.parse().unwrap());
            check.event(position, !word.starts_with('!'));
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
    assert!(check.is_at(at(1, 18)) && !check.is_at(at(1, 19)));
}

#[test]
fn the_count_holds_beyond_the_limit_of_holes() {
    let mut check = ReaderCheck::new(Seq::ZERO);
    let events = 2 * HOLES_MAX as u64;
    for number in 1..=events {
        check.event(at(1, 2 * number), true);
    }
    assert_eq!(check.lost(Seq(2 * events)), events);
}

#[test]
fn a_change_of_epoch_without_a_word_is_noted() {
    let check = |text: &str, expected: &[Position]| {
        assert_eq!(read(text).departures(), expected, "{text}");
    };
    check("11 12", &[]);
    check("11 12 2/13 2/14", &[at(1, 12)]);
    check("11 12 g:11 2/12 2/13", &[]);
    check("11 12 13 g:12 2/13 3/14 3/15", &[at(2, 13)]);
    check("11 12 2/12 2/11", &[]);
}

/// After a crash the log can be shorter than what its readers had.
#[test]
fn the_end_is_the_last_epochs() {
    let check = |text: &str, expected: bool| {
        assert_eq!(read(text).is_at(at(2, 12)), expected, "{text}");
    };
    check("11 12 13", false);
    check("11 12 13 g:11", false);
    check("11 12 13 g:12", true);
    check("11 12 13 g:11 2/12", true);
    check("11 2/12 2/13", true);
}
