//! A wall clock that jumped between two processes never loses anything in silence.

use std::time::Duration;

use event::{After, GapReason};

use super::{LIMITS, append, page, stream};
use crate::support::memory::Memory;

const HOUR_MS: i64 = 3_600_000;

#[test]
fn a_wall_clock_that_went_back_keeps_the_window() {
    let mut memory = Memory::start(LIMITS, 7);
    let receipt = append(&memory, &stream("a"), 0);
    memory.save_now();
    memory.clock.jump_wall(-HOUR_MS);
    memory.restart_now();
    let read = page(&memory, &stream("a"), &After::Oldest);
    assert_eq!((read.gap, read.events.len()), (None, 1));
    // Ages count from the start then, and the window still ends.
    memory.clock.advance(LIMITS.age_max + Duration::from_secs(1));
    let read = page(&memory, &stream("a"), &After::Oldest);
    assert_eq!((read.events.len(), read.head), (0, receipt.position));
}

#[test]
fn a_wall_clock_that_went_on_expires_aloud() {
    let mut memory = Memory::start(LIMITS, 7);
    let first = append(&memory, &stream("a"), 0);
    append(&memory, &stream("a"), 1);
    memory.save_now();
    memory.state().mark_clean(&memory.broker).expect("the marker is written");
    memory.clock.jump_wall(HOUR_MS);
    memory.start_anew();
    let gap = page(&memory, &stream("a"), &After::At(first.position)).gap;
    let gap = gap.expect("the window is older than it may be");
    assert_eq!((gap.reason, gap.missed), (GapReason::Expired, Some(1)));
}

#[test]
fn a_wall_clock_that_jumps_while_it_runs_changes_nothing() {
    let memory = Memory::start(LIMITS, 7);
    for (number, jump) in [0, -HOUR_MS, 2 * HOUR_MS].into_iter().enumerate() {
        memory.clock.jump_wall(jump);
        append(&memory, &stream("a"), number as u64);
        memory.broker.trim();
    }
    assert_eq!(page(&memory, &stream("a"), &After::Oldest).events.len(), 3);
}
