//! What is held is bounded, and a snapshot stays what it was.

use projection::KindFilter;

use crate::support::{Story, hash};

#[test]
fn the_oldest_go_with_their_transactions() {
    let mut story = Story::new(10);
    for n in 1..=100 {
        story.seen("a", n);
    }
    let snapshot = story.view.snapshot();
    assert_eq!((snapshot.events_held(), snapshot.pending, snapshot.latest_seq), (10, 10, 100));
    assert!(snapshot.transaction(&hash(90), None).is_none());
    assert!(snapshot.transaction(&hash(91), None).is_some());
    // One that is heard of again stays as long as that.
    story.seen("a", 91);
    for n in 101..=105 {
        story.included("a", n - 8, 1);
    }
    let snapshot = story.view.snapshot();
    assert!(snapshot.transaction(&hash(91), None).is_some());
    assert!(snapshot.transaction(&hash(92), None).is_none());
}

#[test]
fn a_snapshot_does_not_change() {
    let mut story = Story::new(50);
    for n in 1..=40 {
        story.seen("a", n);
    }
    let before = story.view.snapshot();
    for n in 1..=40 {
        story.included("a", n, 1);
    }
    assert_eq!((before.pending, before.latest_seq, before.events_held()), (40, 40, 40));
    assert_eq!(before.events_after(0, KindFilter::ALL, 1000).events().count(), 40);
    assert!(before.transaction(&hash(1), None).unwrap().status.waits());
    let after = story.view.snapshot();
    assert_eq!((after.pending, after.latest_seq, after.events_held()), (0, 80, 50));
}

#[test]
fn what_is_said_of_forgotten_transactions_changes_nothing_held() {
    let mut story = Story::new(2);
    for n in 1..=5 {
        story.seen("a", n);
    }
    story.included("a", 1, 1);
    let snapshot = story.view.snapshot();
    assert!(snapshot.transaction(&hash(1), None).is_none());
    assert_eq!(snapshot.pending, 1);
}
