//! What readers received in one place is one thing, and its hash is the ledger's.

use event::{Epoch, Position, RollingHash, Seq};

use super::{KEPT_BYTES_MAX, SeenLog};
use crate::audit::stamp::{Mark, Stamp};

const ID: &str = "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn log() -> SeenLog {
    SeenLog::new(Seq(10), RollingHash([7; 32]), Mark::new("r"))
}

fn at(seq: u64) -> Position {
    Position::new(Epoch::from_bits(1), Seq(seq))
}

#[test]
fn the_first_to_see_sets_what_others_must_see() {
    let log = log();
    assert!(log.see(at(11), b"a"));
    assert!(log.see(at(11), b"a"));
    assert!(!log.see(at(11), b"b"));
    assert!(!log.see(Position::new(Epoch::from_bits(2), Seq(11)), b"a"));
    assert!(log.see(at(9), b"from before the start"));
    assert!(!log.see(at(u64::MAX), b"nonsense"));
}

#[test]
fn the_hash_is_the_ledgers_in_whatever_order_it_was_seen() {
    let log = log();
    let hash =
        |n: u64| (11..=n).fold(RollingHash([7; 32]), |hash, seq| hash.and(Seq(seq), &[seq as u8]));
    assert_eq!(log.hash_at(Seq(10)), Some(RollingHash([7; 32])));
    for seq in [12, 14, 11] {
        log.see(at(seq), &[seq as u8]);
    }
    assert_eq!(log.hash_at(Seq(12)), Some(hash(12)));
    assert_eq!(log.hash_at(Seq(14)), None);
    log.see(at(13), &[13]);
    assert_eq!(log.hash_at(Seq(14)), Some(hash(14)));
    assert_eq!(log.hash_at(Seq(15)), None);
    assert_eq!(log.hash_at(Seq(9)), None);
}

#[test]
fn identity_and_stamp_are_read_once() {
    let log = log();
    let stamp = Stamp { number: 3, sent_us: 9 };
    let event = log.mark().event(stamp, 100);
    let envelope = event.replacen('{', &format!(r#"{{"id":"{ID}","#), 1);
    log.see(at(11), envelope.as_bytes());
    let (epoch, entry) = log.get(Seq(11)).unwrap();
    assert_eq!(epoch, Epoch::from_bits(1));
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
    assert!(log.get(Seq(11)).unwrap().1.json.is_none());
    assert!(log.see(at(11), &text));
    assert!(!log.see(at(11), b"x"));
}
