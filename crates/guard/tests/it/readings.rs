//! Bad numbers of metrics: each is an error and none is counted.

use guard::{
    Arm, At, Counter, Counts, CountsError, Exposed, LookCounter, LookError, Reading, ReadingError,
};

fn reading(at: u64, exposure: f64, errors: f64) -> Reading {
    Reading { at: At(at), exposure, errors }
}

fn started() -> Counter {
    let mut counter = Counter::of_requests();
    assert_eq!(counter.take(reading(1000, 100.0, 5.0)), Ok(None));
    counter
}

#[test]
fn what_happened_in_between_is_counted() {
    let mut counter = started();
    let counts = counter.take(reading(2000, 130.0, 6.0)).unwrap().unwrap();
    assert_eq!((counts.exposure(), counts.errors()), (30.0, 1.0));
    let same = counter.take(reading(3000, 130.0, 6.0)).unwrap().unwrap();
    assert_eq!(same, Counts::default());
    assert_eq!(counter.resets(), 0);
}

#[test]
fn numbers_that_cannot_be_are_refused_and_change_nothing() {
    for bad in [
        reading(2000, f64::NAN, 5.0),
        reading(2000, 130.0, f64::NAN),
        reading(2000, f64::INFINITY, 5.0),
        reading(2000, 130.0, f64::NEG_INFINITY),
        reading(2000, -1.0, 5.0),
        reading(2000, 130.0, -0.5),
    ] {
        let mut counter = started();
        assert!(matches!(counter.take(bad), Err(ReadingError::Counts(_))), "{bad:?}");
        let counts = counter.take(reading(3000, 130.0, 6.0)).unwrap().unwrap();
        assert_eq!((counts.exposure(), counts.errors()), (30.0, 1.0), "after {bad:?}");
    }
}

#[test]
fn the_past_is_refused() {
    for at in [999, 1000] {
        let mut counter = started();
        let past = Err(ReadingError::Past { at: At(at), last: At(1000) });
        assert_eq!(counter.take(reading(at, 500.0, 50.0)), past);
        let counts = counter.take(reading(2000, 101.0, 5.0)).unwrap().unwrap();
        assert_eq!(counts.exposure(), 1.0);
    }
}

#[test]
fn a_counter_that_began_anew_counts_from_nothing() {
    let mut counter = started();
    let counts = counter.take(reading(2000, 20.0, 1.0)).unwrap().unwrap();
    assert_eq!((counts.exposure(), counts.errors()), (20.0, 1.0));
    assert_eq!(counter.resets(), 1);
}

#[test]
fn half_a_reset_is_refused_and_the_next_counts() {
    for half in [reading(2000, 150.0, 1.0), reading(2000, 20.0, 7.0)] {
        let mut counter = started();
        assert_eq!(counter.take(half), Err(ReadingError::HalfReset), "{half:?}");
        let next = reading(3000, half.exposure + 10.0, half.errors + 1.0);
        let counts = counter.take(next).unwrap().unwrap();
        assert_eq!((counts.exposure(), counts.errors()), (10.0, 1.0));
    }
}

#[test]
fn errors_need_something_that_fails() {
    assert!(matches!(Counts::of_seconds(0.0, 1.0), Err(CountsError::NothingExposed { .. })));
    assert!(matches!(
        Counts::of_requests(1.0, 2.0),
        Err(CountsError::MoreErrorsThanRequests { .. })
    ));
    let mut counter = started();
    let early = counter.take(reading(2000, 100.0, 6.0));
    let more = CountsError::MoreErrorsThanRequests { errors: 1.0, requests: 0.0 };
    assert_eq!(early, Err(ReadingError::Counts(more)));
    let both = counter.take(reading(3000, 101.0, 6.0)).unwrap().unwrap();
    assert_eq!((both.exposure(), both.errors()), (1.0, 1.0), "nothing is lost");
    let mut seconds = Counter::of_seconds();
    assert_eq!(seconds.take(reading(1000, 0.0, 0.0)), Ok(None));
    let breaks = seconds.take(reading(2000, 0.5, 7.0)).unwrap().unwrap();
    assert_eq!((breaks.exposure(), breaks.errors()), (0.5, 7.0));
    let stuck = seconds.take(reading(3000, 0.5, 8.0));
    assert!(matches!(stuck, Err(ReadingError::Counts(CountsError::NothingExposed { .. }))));
    assert_eq!(Counts::of_requests(0.0, 0.0).unwrap().rate(), None);
}

#[test]
fn numbers_that_no_longer_grow_by_one_are_refused() {
    for huge in [f64::MAX, 1e30, 9_007_199_254_740_994.0] {
        assert_eq!(Counts::of_requests(huge, 0.0), Err(CountsError::TooLarge(huge)));
        assert_eq!(Counts::of_seconds(1.0, huge), Err(CountsError::TooLarge(huge)));
        let mut counter = started();
        assert!(matches!(counter.take(reading(2000, huge, 6.0)), Err(ReadingError::Counts(_))));
    }
}

/// A storm on both arms between two looks of which one arm's was refused must not count for the other
/// alone.
#[test]
fn a_look_covers_the_same_time_on_both_arms() {
    let mut counter = LookCounter::new(Exposed::Requests);
    assert_eq!(counter.take(reading(0, 10.0, 0.0), reading(0, 90.0, 0.0)), Ok(None));
    let refused = counter.take(reading(1000, 20.0, 5.0), reading(1000, f64::NAN, 45.0));
    assert!(matches!(refused, Err(LookError { arm: Arm::Stable, .. })));
    let look = counter.take(reading(2000, 30.0, 5.0), reading(2000, 270.0, 45.0));
    let look = look.unwrap().unwrap();
    assert_eq!((look.canary.exposure(), look.canary.errors()), (20.0, 5.0));
    assert_eq!((look.stable.exposure(), look.stable.errors()), (180.0, 45.0));
    // Half a reset of one arm: both begin again from here.
    let half = counter.take(reading(3000, 5.0, 6.0), reading(3000, 300.0, 50.0));
    assert_eq!(half.unwrap_err().error, ReadingError::HalfReset);
    let look = counter.take(reading(4000, 8.0, 6.0), reading(4000, 330.0, 50.0));
    let look = look.unwrap().unwrap();
    assert_eq!((look.canary.exposure(), look.stable.exposure()), (3.0, 30.0));
    // And where the other one can't begin: from the next reading on.
    let half = counter.take(reading(5000, 9.0, 1.0), reading(5000, f64::NAN, 50.0));
    assert!(half.is_err());
    assert_eq!(counter.take(reading(6000, 20.0, 1.0), reading(6000, 400.0, 60.0)), Ok(None));
    let look = counter.take(reading(7000, 21.0, 1.0), reading(7000, 410.0, 60.0));
    assert_eq!(look.unwrap().unwrap().stable.exposure(), 10.0);
    assert_eq!((counter.resets(Arm::Canary), counter.resets(Arm::Stable)), (2, 0));
}
