//! The verdict: each thing that can be wrong fails the run, alone.

use event::{Epoch, EventId, Ledger, Position, RollingHash, Seq};

use super::{ReplicaReport, Report, difference};
use crate::audit::{
    account::Account,
    publisher::{Acknowledged, Published},
    seen::{FinalLog, SeenLog},
    stamp::{Mark, Stamp},
};

const HASH: RollingHash = RollingHash([3; 32]);

fn at(seq: u64) -> Position {
    Position::new(Epoch::from_bits(5), Seq(seq))
}

fn id(seq: u64) -> EventId {
    EventId::from_bits(u128::from(seq))
}

fn envelope(mark: &Mark, seq: u64) -> String {
    let event = mark.event(Stamp { number: seq, sent_us: 0 }, 0);
    event.replacen('{', &format!(r#"{{"id":"{}","#, id(seq)), 1)
}

fn ledger(last: u64, count: u64, hash: RollingHash) -> Ledger {
    Ledger { window_after: at(0), first: Seq(1), last: at(last), count, hash }
}

/// What readers have seen of the events 11 to 14.
fn seen() -> SeenLog {
    let log = SeenLog::new(Seq(10), HASH, Mark::new("r"));
    for seq in 11..=14 {
        log.see(at(seq), envelope(log.mark(), seq).as_bytes());
    }
    log
}

/// A log with the events 11 to 14.
fn log() -> (FinalLog, Ledger) {
    let log = seen().up_to(at(14));
    let end = ledger(14, 14, log.hash().unwrap());
    (log, end)
}

fn acknowledged(seq: u64) -> Acknowledged {
    Acknowledged { number: seq, id: id(seq), position: at(seq) }
}

fn report(received: &[u64], acknowledged: Vec<Acknowledged>) -> Report {
    let (log, end) = log();
    let mut report = Report::default();
    report.add_published(&Published { acknowledged, ..Published::default() }, &log);
    let mut account = Account::new(at(10));
    received.iter().for_each(|&seq| account.check.event(at(seq), true));
    report.add_reader(&account, end.last, &log);
    report.add_ledger(&ledger(10, 10, HASH), &end, &log);
    report
}

#[test]
fn what_readers_received_decides() {
    let check = |received: &[u64], expected: &[&str]| {
        let report = report(received, vec![acknowledged(11)]);
        assert_eq!(report.problems(), expected, "{received:?}");
    };
    check(&[11, 12, 13, 14], &[]);
    check(&[11, 12, 13, 14, 15], &[]);
    check(&[11, 13, 14], &["1 events lost"]);
    check(&[11, 12, 12, 13, 14], &["1 events repeated"]);
    check(&[11, 13, 12, 14], &["1 events out of order"]);
    check(&[11, 12, 13], &["1 events lost", "1 readers did not reach the end in time"]);
}

#[test]
fn what_was_acknowledged_must_be_in_the_log() {
    let all = [11, 12, 13, 14];
    let missing = |ack| report(&all, vec![ack]).acknowledged_missing;
    assert_eq!(missing(acknowledged(12)), 0);
    assert_eq!(missing(Acknowledged { id: id(13), ..acknowledged(12) }), 1);
    assert_eq!(missing(Acknowledged { number: 13, ..acknowledged(12) }), 1);
    assert_eq!(missing(Acknowledged { position: at(13), ..acknowledged(12) }), 1);
    let after_the_end = report(&all, vec![acknowledged(11), acknowledged(15)]);
    assert_eq!(after_the_end.problems(), ["1 events lost by the server after acknowledgement"]);
    let none = report(&all, Vec::new()).problems();
    assert_eq!(none, ["no event was acknowledged, so nothing is shown"]);
}

#[test]
fn the_ledger_must_agree() {
    let (_, end) = log();
    let start = ledger(10, 10, HASH);
    let check = |end: Ledger, expected: Option<&str>| {
        let found = difference(&start, &end, &seen().up_to(end.last));
        let agrees = found.as_deref().map(|text| expected.is_some_and(|part| text.contains(part)));
        assert_eq!(agrees, expected.map(|_| true), "{found:?}");
    };
    check(end.clone(), None);
    check(Ledger { hash: HASH, ..end.clone() }, Some("its hash is"));
    check(Ledger { count: 13, ..end.clone() }, Some("its count went from 10 to 13"));
    check(ledger(15, 15, HASH), Some("reached no reader"));
    check(ledger(9, 9, HASH), Some("it went back"));
}

#[test]
fn each_replica_has_the_same_ledger() {
    let (_, end) = log();
    let check = |account: Result<Ledger, String>, expected: Option<&str>| {
        let mut replica = ReplicaReport { url: "http://r".into(), ..ReplicaReport::default() };
        replica.compare(&account, &end);
        let mut report = report(&[11, 12, 13, 14], vec![acknowledged(11)]);
        report.replicas.push(replica);
        let problems = report.problems().concat();
        match expected {
            Some(part) => assert!(problems.contains(part), "{part}: {problems}"),
            None => assert_eq!(problems, ""),
        }
    };
    check(Ok(end.clone()), None);
    check(Ok(ledger(13, 14, end.hash)), Some("the ledger of http://r: its end is"));
    check(Ok(ledger(14, 13, end.hash)), Some("its count is 13, that of another 14"));
    check(Ok(ledger(14, 14, HASH)), Some("its hash is"));
    check(Err("gone".to_owned()), Some("its ledger can't be had: gone"));
}

#[test]
fn an_event_that_is_stored_twice_is_found() {
    let log = seen();
    log.see(at(15), envelope(log.mark(), 14).as_bytes());
    log.see(at(16), br#"{"id":"evt_","payload":{}}"#);
    let log = log.up_to(at(16));
    let end = ledger(16, 16, log.hash().unwrap());
    let mut report = Report::default();
    report.add_ledger(&ledger(10, 10, HASH), &end, &log);
    assert_eq!((report.doubled, report.foreign, report.logged), (1, 1, 6));
}

/// After 12 the server was killed; 13 and 14 were acknowledged and are another epoch's now.
#[test]
fn numbers_that_a_crash_gave_again_are_a_loss_and_nothing_else() {
    let next = |seq: u64| Position::new(Epoch::from_bits(6), Seq(seq));
    let log = seen();
    for seq in 13..=15 {
        let text = envelope(log.mark(), 100 + seq);
        assert!(log.see(next(seq), text.as_bytes()), "it is not altered");
    }
    let log = log.up_to(next(15));
    let end = Ledger { last: next(15), ..ledger(15, 15, log.hash().unwrap()) };
    let mut acknowledged: Vec<_> = (11..=14).map(acknowledged).collect();
    acknowledged.extend((13..=15).map(|seq| Acknowledged {
        number: 100 + seq,
        id: id(100 + seq),
        position: next(seq),
    }));
    let report = |events: &[Result<Position, u64>]| {
        let mut report = Report::default();
        let published = Published { acknowledged: acknowledged.clone(), ..Published::default() };
        report.add_published(&published, &log);
        let mut account = Account::new(at(10));
        for event in events {
            match event {
                Ok(position) => account.check.event(*position, true),
                Err(resumes_at) => account.check.gap("data_loss", Seq(*resumes_at)),
            }
        }
        report.add_reader(&account, end.last, &log);
        report.add_ledger(&ledger(10, 10, HASH), &end, &log);
        report.problems()
    };
    let lost = "2 events lost by the server after acknowledgement";
    let before = [Ok(at(11)), Ok(at(12)), Ok(at(13)), Ok(at(14))];
    let after = [Err(12), Ok(next(13)), Ok(next(14)), Ok(next(15))];
    let told = [&before[..], &after].concat();
    assert_eq!(report(&told), ["1 gaps told by the server", lost]);
    let untold = [&before[..], &after[3..]].concat();
    let silent = "1 times that a reader was not told of events which the server lost";
    assert_eq!(report(&untold), [lost, silent]);
}
