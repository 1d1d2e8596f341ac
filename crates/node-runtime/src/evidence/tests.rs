//! What records say, and what their files are called.

use std::time::Duration;

use ::evidence::Predicate;
use broker::live::{Moved, Pauses, Resumed, Stage, SwitchStatus, Target, Transition};
use data_encoding::HEXLOWER;
use event::{Epoch, Ledger, Position, RollingHash, Seq, StreamName, UnixMs};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Author, Happened, Record};

const AUTHOR: Author<'_> = Author { replica: Some("aabbccddeeff"), by_settings: Target::Memory };

fn ledger(epoch: u64, count: u64) -> Ledger {
    let place = |seq| Position { epoch: Epoch::from_bits(epoch), seq: Seq(seq) };
    Ledger {
        window_after: place(0),
        first: Seq(1),
        last: place(count),
        count,
        hash: RollingHash([7; 32]),
    }
}

fn status(since: UnixMs) -> SwitchStatus {
    SwitchStatus {
        stage: Stage::Switched,
        owner: Target::Redis,
        to: Target::Redis,
        is_undo: false,
        by: "key deployer of org_a".to_owned(),
        since,
        streams: 1,
        copied: 1,
        moved: 1,
        events: 3,
        bytes: 300,
        pauses: Pauses::default(),
        error: None,
    }
}

fn transition(since: UnixMs) -> Transition {
    let moved = Moved {
        stream: StreamName::Ops,
        before: ledger(1, 3),
        after: ledger(2, 3),
        pause: Duration::from_micros(1500),
    };
    Transition { from: Stage::Switching, status: status(since), token: 9, moved: vec![moved] }
}

fn record_of(happened: &Happened) -> (Record, Value) {
    let record = AUTHOR.record(happened, 4);
    let said = serde_json::from_slice(&record.bytes).expect("a file is JSON");
    (record, said)
}

#[test]
fn a_transition_is_put_down_with_its_accounts() {
    let (record, said) = record_of(&Happened::Transition(transition(UnixMs(1_700_000_000_123))));
    assert_eq!(record.name, "20231114T221320.123Z-000004-switching-switched.json");
    let account = |epoch, count| {
        let ledger = ledger(epoch, count);
        let (last, hash) = (ledger.last.to_string(), ledger.hash.to_string());
        json!({"first": 1, "last": last, "count": count, "hash": hash})
    };
    let expected = json!({
        "format": "tidegate.cutover/1",
        "version": crate::VERSION,
        "time": "2023-11-14T22:13:20.123Z",
        "replica": "aabbccddeeff",
        "settings": "memory",
        "actor": "key deployer of org_a",
        "token": 9,
        "from": "switching",
        "stage": "switched",
        "to": "redis",
        "owner": "redis",
        "is_undo": false,
        "counts": {"streams": 1, "copied": 1, "moved": 1, "events": 3, "bytes": 300},
        "pause_ms": {"p50": 0.0, "p99": 0.0, "max": 0.0},
        "streams": [{
            "stream": "ops", "pause_ms": 1.5, "before": account(1, 3), "after": account(2, 3),
        }],
    });
    assert_eq!(said, expected);
}

#[test]
fn what_operators_are_told_is_flat_and_names_the_file() {
    let (record, _) = record_of(&Happened::Transition(transition(UnixMs(1))));
    let said = record.said.as_object().expect("a payload is an object");
    assert!(said.values().all(|value| !value.is_object() && !value.is_array()), "{said:?}");
    assert_eq!((&said["moved"], &said["pause_ms_max"]), (&json!(1), &json!(0.0)));
    assert_eq!(said["record"], record.name);
    assert_eq!(said["sha256"], HEXLOWER.encode(&Sha256::digest(&record.bytes)));
}

#[test]
fn what_is_signed_of_a_record_names_it() {
    let stated = |happened: &Happened| match record_of(happened).0.statement {
        Predicate::Switch(switch) => switch,
        other => panic!("{other:?} is of a switch"),
    };
    let switch = stated(&Happened::Transition(transition(UnixMs(1_700_000_000_123))));
    assert_eq!((switch.role.as_str(), switch.state.as_str()), ("log", "switched"));
    assert_eq!((switch.from.as_str(), switch.to.as_str()), ("memory", "redis"));
    assert_eq!((switch.ledgers_equal, switch.streams, switch.held_ms), (Some(true), 1, Some(0)));
    let expected = json!({
        "record": "20231114T221320.123Z-000004-switching-switched.json",
        "was": "switching",
        "owner": "redis",
        "undo": false,
        "actor": "key deployer of org_a",
        "token": 9,
        "moved": 1,
    });
    assert_eq!(Value::Object(switch.detail), expected);
    let mut merged = transition(UnixMs(1));
    merged.moved[0].after.count = 4;
    assert_eq!(stated(&Happened::Transition(merged)).ledgers_equal, Some(false));
    let mut early = transition(UnixMs(1));
    early.moved.clear();
    assert_eq!(stated(&Happened::Transition(early)).ledgers_equal, None);
    let resumed = Resumed { taken: 2, kept: 1, lossy: 1, unreached: None };
    let switch = stated(&Happened::Resumed(UnixMs(0), resumed));
    assert_eq!((switch.to.as_str(), switch.streams), ("memory", 3));
    assert_eq!((&switch.detail["lossy"], switch.state.as_str()), (&json!(1), "restart"));
}

#[test]
fn names_sort_by_time() {
    let times = [1_000, 1_001, 60_000, 1_700_000_000_123, 4_000_000_000_000];
    let name = |ms| record_of(&Happened::Transition(transition(UnixMs(ms)))).0.name;
    assert!(times.map(name).is_sorted(), "{:?}", times.map(name));
}

#[test]
fn a_start_that_ends_a_switch_is_put_down_too() {
    let resumed = Resumed { taken: 2, kept: 1, lossy: 1, unreached: Some("gone".to_owned()) };
    let (record, said) = record_of(&Happened::Resumed(UnixMs(0), resumed));
    assert_eq!(record.name, "19700101T000000.000Z-000004-restart-idle.json");
    assert_eq!((&said["from"], &said["stage"]), (&json!("restart"), &json!("idle")));
    assert_eq!((&said["streams_taken"], &said["unreached"]), (&json!(2), &json!("gone")));
}
