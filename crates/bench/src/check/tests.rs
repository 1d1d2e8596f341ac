//! Tables of what came and what is wrong with it.

use super::*;
use crate::stamp::{Mark, Stamp};

#[track_caller]
fn check(came: &[u64], last: u64, lost: u64, repeated: u64, reordered: u64) {
    let mut check = Check::new(3, 1);
    came.iter().for_each(|number| check.see(3, *number));
    assert_eq!(check.faults(last), Faults { lost, repeated, reordered, foreign: 0 }, "{came:?}");
}

#[test]
fn each_fault_is_counted_as_what_it_is() {
    check(&[], 0, 0, 0, 0);
    check(&[1, 2, 3], 3, 0, 0, 0);
    check(&[1, 2], 3, 1, 0, 0);
    check(&[1, 3], 3, 1, 0, 0);
    check(&[2, 3], 3, 1, 0, 0);
    check(&[1, 1, 2], 2, 0, 1, 0);
    check(&[1, 2, 1], 2, 0, 1, 0);
    check(&[1, 3, 2], 3, 0, 0, 1);
    check(&[1, 3, 2, 2], 3, 0, 1, 1);
    check(&[1, 5, 3], 6, 3, 0, 1);
    check(&[1, 5, 3, 4, 2], 5, 0, 0, 3);
    check(&[9], 9, 8, 0, 0);
}

#[test]
fn an_event_of_another_stream_is_foreign() {
    let mut check = Check::new(3, 1);
    check.see(4, 1);
    assert_eq!(check.faults(0), Faults { foreign: 1, ..Faults::default() });
}

#[test]
fn a_replay_begins_where_it_was_asked_to() {
    let mut check = Check::new(0, 101);
    (101..=200).for_each(|number| check.see(0, number));
    assert_eq!(check.faults(200), Faults::default());
    check.see(0, 100);
    assert_eq!(check.faults(200).repeated, 1);
}

#[test]
fn a_frame_cut_anywhere_is_no_fault() {
    let mark = Mark::new(9);
    let mut bytes = Vec::new();
    for number in 1..=3 {
        bytes.extend_from_slice(b"data: {\"bench\":\"");
        mark.write(Stamp { stream: 0, number, sent_us: 5 }, &mut bytes);
        bytes.extend_from_slice(b"\"}\n\n");
    }
    for cut in 0..bytes.len() {
        let mut check = Check::new(0, 1);
        let used = mark.scan(&bytes[..cut], |stamp| check.see(stamp.stream, stamp.number));
        mark.scan(&bytes[used..], |stamp| check.see(stamp.stream, stamp.number));
        assert_eq!(check.faults(3), Faults::default(), "cut at {cut}");
    }
}
