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
    // As the server writes it; where another hole lies within, it takes two pages.
    let told = |reason: &str, after: u64, resumes_at: u64| {
        let (after, resumes_at) = (cursor(after), cursor(resumes_at));
        format!(
            r#"{{"reason":"{reason}","after":"{after}","resumes_at":"{resumes_at}","missed":3}}"#
        )
    };
    let mut take = |gap: &str| {
        let gap: GapData<'_> = serde_json::from_str(gap).expect("it is a gap");
        trunk.lost_within(&gap).expect("its places are cursors");
        trunk.entries().count()
    };
    assert_eq!(take(&told("expired", 2, 5)), 3, "nobody knows what another gap tells of");
    assert_eq!(take(&told("data_loss", 2, 4)), 2);
    assert_eq!(take(&told("data_loss", 4, 5)), 2);
    trunk.add(&placed(6, 5, 5), 0).expect("it is an event");
    assert_eq!((trunk.unknown(), trunk.entries().count()), (0, 3));
    let numbered = [(1, 0), (2, 1), (6, 5)].map(|(seq, n)| (Seq(seq), json(n, n)));
    let hash =
        numbered.iter().fold(RollingHash::default(), |hash, (seq, j)| hash.and(*seq, j.as_bytes()));
    let mut account = Account { first: 1, last: cursor(6), count: 3, hash: hash.to_string() };
    assert_eq!(trunk.difference(&account), None);
    account.count = 6;
    assert!(trunk.difference(&account).is_some());
}

/// What is lost behind the beginning of the window is not seen by reading it again.
#[test]
fn an_account_that_begins_before_the_window_is_not_compared_where_something_was_lost() {
    let mut trunk = trunk(0, 5);
    (trunk.is_again, trunk.seen_from) = (true, None);
    trunk.add(&placed(4, 3, 3), 0).expect("it is an event");
    let wrong = Account { count: 3, ..account(0, 5) };
    assert!(trunk.difference(&wrong).is_some(), "nothing was ever lost");
    trunk.gap("data_loss", 0);
    assert_eq!(trunk.difference(&wrong), None);
    let last = Account { last: cursor(6), ..wrong };
    assert!(trunk.difference(&last).is_some());
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
