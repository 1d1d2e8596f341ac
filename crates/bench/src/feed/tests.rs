//! When a replay counts as one that stands still.

use std::path::PathBuf;

use super::*;

fn made() -> Made {
    Made { file: PathBuf::new(), transactions: 10, last: String::new() }
}

#[test]
fn a_replay_that_stands_still_is_given_up_and_a_slow_one_is_not() {
    let began = Instant::now();
    let mut pace = Pace::new(&made(), began);
    let almost = STALL_MAX - Duration::from_millis(1);
    pace.note(0, began + almost).unwrap();
    pace.note(1, began + almost).unwrap();
    pace.note(1, began + 2 * almost).unwrap();
    let error = pace.note(1, began + almost + STALL_MAX).unwrap_err().to_string();
    assert_eq!(error, "the server serves 1 of 10 transactions, and no more for 60 s");
}

#[test]
fn what_is_there_is_not_waited_for_and_a_wish_to_stop_is_heard() {
    let stop = Stop::default();
    follow(&made(), 5, &stop, || Ok(5)).unwrap();
    stop.ask();
    let followed = follow(&made(), 10, &stop, || Ok(5));
    assert!(matches!(followed, Err(BenchError::Stopped)), "{followed:?}");
}
