//! What readers received in one place is one thing, and its hash is the ledger's.

use event::{Epoch, Position, RollingHash, Seq};

use super::{KEPT_BYTES_MAX, SeenLog};
use crate::audit::stamp::{Mark, Stamp};

const ID: &str = "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn log() -> SeenLog {
    SeenLog::new(Seq(10), RollingHash([7; 32]), Mark::new("r"))
}

fn of(epoch: u64, seq: u64) -> Position {
    Position::new(Epoch::from_bits(epoch), Seq(seq))
}

fn at(seq: u64) -> Position {
    of(1, seq)
}

/// Puts events into a log: epoch and number each, which are their content too.
fn seen(events: &[(u64, u64)]) -> SeenLog {
    let log = log();
    for &(epoch, seq) in events {
        assert!(log.see(of(epoch, seq), format!("{epoch}/{seq}").as_bytes()), "{epoch}/{seq}");
    }
    log
}

#[test]
fn the_first_to_see_sets_what_others_must_see() {
    let log = log();
    assert!(log.see(at(11), b"a"));
    assert!(log.see(at(11), b"a"));
    assert!(!log.see(at(11), b"b"));
    assert!(!log.see(of(2, 11), b"a"), "one event has one epoch");
    assert!(log.see(of(2, 11), b"c"), "what was lost may have been there");
    assert!(log.see(of(2, 11), b"c") && log.see(at(11), b"a"));
    assert!(!log.see(of(2, 11), b"d"));
    assert!(log.see(at(9), b"from before the start"));
    assert!(!log.see(at(u64::MAX), b"nonsense"));
}

#[test]
fn the_hash_is_the_ledgers_in_whatever_order_it_was_seen() {
    let log = log();
    let hash =
        |n: u64| (11..=n).fold(RollingHash([7; 32]), |hash, seq| hash.and(Seq(seq), &[seq as u8]));
    let hash_at = |log: &SeenLog, seq: u64| log.up_to(at(seq)).hash();
    assert_eq!(hash_at(&log, 10), Some(RollingHash([7; 32])));
    for seq in [12, 14, 11] {
        log.see(at(seq), &[seq as u8]);
    }
    assert_eq!(hash_at(&log, 12), Some(hash(12)));
    assert_eq!(hash_at(&log, 14), None);
    log.see(at(13), &[13]);
    assert_eq!(hash_at(&log, 14), Some(hash(14)));
    assert_eq!(hash_at(&log, 15), None);
    assert_eq!(hash_at(&log, 9), None);
}

/// A `kill -9` takes events back, and the next epoch gives their numbers again.
#[test]
fn the_log_is_what_the_last_epochs_left() {
    let check = |events: &[(u64, u64)], end: (u64, u64), expected: &[u64]| {
        let log = seen(events).up_to(of(end.0, end.1));
        let epochs: Vec<_> = (11..=end.1).map(|seq| log.get(Seq(seq)).map(|l| l.epoch)).collect();
        let expected: Vec<_> =
            expected.iter().map(|&epoch| Some(Epoch::from_bits(epoch))).collect();
        assert_eq!(epochs, expected, "{events:?}");
        let hash = (11..=end.1).zip(&expected).fold(RollingHash([7; 32]), |hash, (seq, epoch)| {
            let epoch = epoch.expect("each is seen").bits();
            hash.and(Seq(seq), format!("{epoch}/{seq}").as_bytes())
        });
        assert_eq!(log.hash(), Some(hash), "{events:?}");
    };
    check(&[(1, 11), (1, 12), (2, 13)], (2, 13), &[1, 1, 2]);
    check(&[(1, 11), (1, 12), (1, 13), (2, 12), (2, 13)], (2, 13), &[1, 2, 2]);
    check(&[(1, 11), (1, 12), (1, 13), (2, 12)], (2, 12), &[1, 2]);
    // A slow reader comes with what was lost after others have what took its place.
    check(&[(1, 11), (2, 12), (2, 13), (1, 12), (1, 13)], (2, 13), &[1, 2, 2]);
    check(&[(1, 11), (1, 12), (2, 12), (2, 13), (3, 12), (3, 13)], (3, 13), &[1, 3, 3]);
    check(&[(1, 11), (1, 12), (1, 13), (2, 12), (2, 13), (3, 13)], (3, 13), &[1, 2, 3]);
    check(&[(9, 11), (1, 11), (1, 12)], (1, 12), &[1, 1]);
}

#[test]
fn what_is_not_in_the_log_any_more_is_lost() {
    let log = seen(&[(1, 11), (1, 12), (1, 13), (2, 12)]).up_to(of(2, 12));
    let check = |place: Position, lost: bool| assert_eq!(log.has_lost(place), lost, "{place}");
    check(at(11), false);
    check(at(12), true);
    check(at(13), true);
    check(of(2, 12), false);
    check(at(10), false);
    assert!(!log_with_a_hole().has_lost(at(11)), "nobody knows what is there");
}

fn log_with_a_hole() -> super::FinalLog {
    seen(&[(1, 12)]).up_to(at(12))
}

#[test]
fn identity_and_stamp_are_read_once() {
    let log = log();
    let stamp = Stamp { number: 3, sent_us: 9 };
    let event = log.mark().event(stamp, 100);
    let envelope = event.replacen('{', &format!(r#"{{"id":"{ID}","#), 1);
    log.see(at(11), envelope.as_bytes());
    let log = log.up_to(at(11));
    let entry = log.get(Seq(11)).unwrap();
    assert_eq!(entry.epoch, Epoch::from_bits(1));
    assert_eq!(entry.id.map(|id| id.to_string()).as_deref(), Some(ID));
    assert_eq!(entry.stamp, Some(stamp));
}

#[test]
fn old_events_are_compared_by_their_hash() {
    let log = log();
    let text = vec![b'x'; KEPT_BYTES_MAX / 2];
    for seq in 11..=13 {
        assert!(log.see(at(seq), &text));
    }
    assert!(log.up_to(at(13)).hash().is_some());
    assert!(log.table.read().at(0, Epoch::from_bits(1)).unwrap().json.is_none());
    assert!(log.see(at(11), &text));
    assert!(!log.see(at(11), b"x"));
}
