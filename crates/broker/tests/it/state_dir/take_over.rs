//! What a process leaves that opened the folder, loaded it, and went no further.

use broker::memory::state_dir::StateDir;
use event::{After, Epoch, GapReason, Position, Seq};

use super::{LIMITS, append, names_in, page, stream};
use crate::support::memory::Memory;

/// A start that fails before it takes the folder over.
fn start_in_vain(memory: &mut Memory) {
    memory.end();
    let state = StateDir::open(memory.folder()).expect("the folder is free");
    state.load(&memory.new_broker()).expect("the folder is read");
}

#[test]
fn a_start_in_vain_leaves_the_marker() {
    let mut memory = Memory::start(LIMITS, 9);
    let at = After::At(append(&memory, &stream("a"), 0).position);
    memory.save_now();
    memory.state().mark_clean(&memory.broker).expect("the marker is written");
    let before = names_in(&memory);
    start_in_vain(&mut memory);
    start_in_vain(&mut memory);
    assert_eq!(names_in(&memory), before);
    memory.start_anew();
    assert!(memory.loaded.clean);
    assert_eq!(page(&memory, &stream("a"), &at).gap, None);
    assert!(!names_in(&memory).contains(&"clean".to_owned()), "now it is another's folder");
}

/// Nobody can have lost what nobody could append.
#[test]
fn a_first_start_in_vain_is_no_loss() {
    let mut memory = Memory::not_started(LIMITS, 9);
    start_in_vain(&mut memory);
    memory.start_anew();
    let elsewhere = After::At(Position::new(Epoch::from_bits(1), Seq(5)));
    let reason = |memory: &Memory| page(memory, &stream("a"), &elsewhere).gap.map(|gap| gap.reason);
    assert_eq!(reason(&memory), Some(GapReason::UnknownCursor));
    memory.crash_now();
    assert_eq!(reason(&memory), Some(GapReason::DataLoss), "this one may have had logs");
}

#[test]
fn a_damaged_file_is_moved_by_who_takes_over() {
    let mut memory = Memory::start(LIMITS, 9);
    let at = After::At(append(&memory, &stream("a"), 0).position);
    let file = memory.folder().join("thread=a.window");
    memory.save_now();
    std::fs::write(&file, "something else").expect("it is written");
    memory.state().mark_clean(&memory.broker).expect("the marker is written");
    start_in_vain(&mut memory);
    assert!(file.exists());
    memory.start_anew();
    assert_eq!(memory.loaded.set_aside.len(), 1);
    assert!(!file.exists());
    let gap = page(&memory, &stream("a"), &at).gap.expect("its past is lost");
    assert_eq!(gap.reason, GapReason::DataLoss);
}
