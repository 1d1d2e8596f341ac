//! The log is what was read last, and an account that does not fit is told.

use event::{Epoch, RollingHash, Seq};

use super::*;
use crate::payload::TICK;

fn cursor(seq: u64) -> String {
    Position::new(Epoch::from_bits(3), Seq(seq)).to_string()
}

fn json(n: u64, id: u64) -> String {
    let payload = Stamp { by: 0, n, first: n, of: 1 }.payload();
    format!(r#"{{"id":"evt_{id:026}","event":"{TICK}","payload":{payload}}}"#)
}

fn placed(seq: u64, n: u64, id: u64) -> String {
    format!(r#"{{"cursor":"{}",{}"#, cursor(seq), &json(n, id)[1..])
}

fn trunk(base: u64, count: u64) -> Trunk {
    let mut trunk = Trunk { base: Some(base), ..Trunk::default() };
    (0..count).for_each(|n| trunk.add(&placed(base + 1 + n, n, n), 0).expect("it is an event"));
    trunk
}

fn account(base: u64, count: u64) -> Account {
    let events = (0..count).map(|n| (Seq(base + 1 + n), json(n, n)));
    let hash =
        events.fold(RollingHash::default(), |hash, (seq, json)| hash.and(seq, json.as_bytes()));
    Account { first: base + 1, last: cursor(base + count), count, hash: hash.to_string() }
}

#[test]
fn an_account_that_fits_is_right_and_another_is_told() {
    assert_eq!(trunk(0, 5).difference(&account(0, 5)), None);
    assert_eq!(trunk(10, 5).difference(&account(10, 5)), None);
    let wrong = |change: fn(&mut Account)| {
        let mut account = account(0, 5);
        change(&mut account);
        trunk(0, 5).difference(&account)
    };
    assert!(wrong(|account| account.hash = "00".into()).is_some());
    assert!(wrong(|account| account.count = 4).is_some());
    assert!(wrong(|account| account.last = cursor(6)).is_some());
}

#[test]
fn another_past_replaces_what_was_there_and_is_noted() {
    let mut trunk = trunk(0, 5);
    trunk.add(&placed(3, 2, 2), 1).expect("it is an event");
    assert!(trunk.gaps.is_empty(), "the same again is nothing new");
    trunk.add(&placed(3, 8, 8), 2).expect("it is an event");
    assert_eq!(trunk.entries().map(|entry| entry.stamp.n).collect::<Vec<_>>(), [0, 1, 8]);
    assert_eq!(trunk.gaps, [TrunkGap { at_ms: 2, reason: "another past".into() }]);
}

#[test]
fn a_hole_is_counted() {
    let mut trunk = trunk(0, 2);
    trunk.add(&placed(5, 4, 4), 0).expect("it is an event");
    assert_eq!((trunk.unknown(), trunk.entries().count()), (2, 3));
}

#[test]
fn what_a_page_tells_is_lost_is_known_to_be() {
    let mut trunk = trunk(0, 3);
    let (after, next) = (cursor(2), placed(6, 5, 5));
    let first: &RawValue = serde_json::from_str(&next).expect("it is JSON");
    let told = |reason| GapData { reason, after: Some(&after) };
    trunk.lost_before(&told("expired"), Some(&first)).expect("it is a gap");
    assert_eq!(trunk.entries().count(), 3, "of another gap nobody knows what it tells of");
    trunk.lost_before(&told("data_loss"), Some(&first)).expect("it is a gap");
    trunk.add(&next, 0).expect("it is an event");
    assert_eq!((trunk.unknown(), trunk.entries().count()), (0, 3));
    let numbered = [(1, 0), (2, 1), (6, 5)].map(|(seq, n)| (Seq(seq), json(n, n)));
    let hash =
        numbered.iter().fold(RollingHash::default(), |hash, (seq, j)| hash.and(*seq, j.as_bytes()));
    let mut account = Account { first: 1, last: cursor(6), count: 3, hash: hash.to_string() };
    assert_eq!(trunk.difference(&account), None);
    account.count = 6;
    assert!(trunk.difference(&account).is_some());
}

#[test]
fn what_changed_behind_a_cursor_is_seen_when_it_is_read_again() {
    let mut trunk = trunk(0, 5);
    trunk.is_again = true;
    trunk.add(&placed(2, 1, 1), 0).expect("it is an event");
    trunk.add(&placed(3, 8, 8), 0).expect("it is an event");
    let changed: Vec<_> = trunk.changed().iter().map(|at| at.seq.0).collect();
    assert_eq!((changed, trunk.entries().count()), (vec![3], 5));
    assert!(trunk.gaps.is_empty());
}
