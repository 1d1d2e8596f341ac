//! What is saved, when, and what the marker says of it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use broker::{Append, Appended, Broker};
use event::{After, GapReason, StreamName};
use futures_util::FutureExt;

use super::{LIMITS, append, names_in, page, stream};
use crate::support::{events::event_numbered, logs::key_numbered, memory::Memory};

fn is_told_of_a_loss(memory: &Memory, after: &After) -> bool {
    let gap = page(memory, &stream("a"), after).gap;
    gap.is_some_and(|gap| gap.reason == GapReason::DataLoss)
}

#[test]
fn the_marker_speaks_for_one_start() {
    let mut memory = Memory::start(LIMITS, 6);
    assert!(!memory.loaded.clean, "an empty folder says nothing");
    let at = After::At(append(&memory, &stream("a"), 0).position);
    memory.restart_now();
    assert!(!names_in(&memory).contains(&"clean".to_owned()), "it is taken away at once");
    assert!(!is_told_of_a_loss(&memory, &at));
    memory.crash_now();
    assert!(is_told_of_a_loss(&memory, &at), "nobody says that nothing was appended");
}

#[test]
fn only_what_changed_is_written() {
    let memory = Memory::start(LIMITS, 6);
    append(&memory, &stream("a"), 0);
    append(&memory, &stream("b"), 1);
    assert_eq!(memory.state().save(&memory.broker).streams, 2);
    assert_eq!(memory.state().save(&memory.broker).streams, 0);
    append(&memory, &stream("b"), 2);
    let saved = memory.state().save(&memory.broker);
    assert_eq!(saved.streams, 1);
    let file = memory.folder().join("thread=b.window");
    assert_eq!(saved.bytes as u64, file.metadata().expect("it was saved").len());
}

#[test]
fn the_probes_stream_is_not_saved() {
    let memory = Memory::start(LIMITS, 6);
    append(&memory, &StreamName::Probe, 0);
    assert_eq!(memory.state().save(&memory.broker).streams, 0);
    assert_eq!(names_in(&memory), ["lock"]);
}

#[test]
fn every_kind_of_stream_finds_its_file_again() {
    let mut memory = Memory::start(LIMITS, 6);
    let longest = format!("thread:{}", "x".repeat(128));
    let names = ["ops", "org:a.b-c_D", "thread:..", "chain:x.window", "thread:y.tmp", &longest];
    let streams: Vec<StreamName> = names.iter().map(|n| n.parse().expect("a name")).collect();
    for (number, stream) in streams.iter().enumerate() {
        append(&memory, stream, number as u64);
    }
    memory.restart_now();
    assert_eq!((memory.loaded.streams, memory.loaded.events), (names.len(), names.len()));
    for (number, stream) in streams.iter().enumerate() {
        let events = page(&memory, stream, &After::Oldest).events;
        assert_eq!(events[0].id, event_numbered(number as u64).id);
    }
}

#[test]
fn keys_outlive_restarts() {
    let mut memory = Memory::start(LIMITS, 6);
    let attempt = |memory: &Memory| {
        let events = vec![event_numbered(1), event_numbered(2)];
        let append = Append { events, idempotency: Some(key_numbered(1)) };
        let appended = memory.broker.append(&stream("a"), append).now_or_never();
        appended.expect("memory answers at once").expect("it is taken")
    };
    let first = attempt(&memory);
    for _ in 0..3 {
        memory.restart_now();
        assert_eq!(attempt(&memory), Appended::Replayed(first.receipts().to_vec()));
    }
}

/// Each file is a whole window of some moment, and the last save has everything.
#[test]
fn saving_amid_appends_saves_whole_windows() {
    const APPENDS: u64 = 2_000;
    let mut memory = Memory::start(LIMITS, 6);
    let done = Arc::new(AtomicBool::new(false));
    let mut saves = 0;
    std::thread::scope(|scope| {
        let appending = scope.spawn(|| {
            for number in 0..APPENDS {
                append(&memory, &stream("a"), number);
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            memory.save_now();
            saves += 1;
            let file = memory.folder().join("thread=a.window");
            if let Ok(bytes) = std::fs::read(file) {
                let moment = crate::support::logs::MOMENT;
                let (_, log) = broker::memory::window_file::decode(&bytes, moment).expect("whole");
                assert!(log.window_len() <= LIMITS.events_max);
            }
        }
        appending.join().expect("the appends are taken");
    });
    let ledger = |memory: &Memory| memory.broker.ledger(&stream("a")).now_or_never();
    let before = ledger(&memory);
    memory.restart_now();
    assert_eq!(ledger(&memory), before);
    println!("{saves} saves amid {APPENDS} appends");
}
