//! Which endpoint is chosen, and when one that failed is asked again.

use std::time::{Duration, Instant};

use super::{Backoff, Fault, Pool, SET_ASIDE};

const SECOND: Duration = Duration::from_secs(1);

fn pool(count: usize) -> Pool {
    Pool::new(count, Backoff { min: SECOND, max: 8 * SECOND })
}

#[test]
fn the_first_is_preferred_until_it_fails() {
    let (mut pool, now) = (pool(3), Instant::now());
    assert_eq!(pool.choose(now), (0, Duration::ZERO));
    pool.left(0, Fault::Failure, now, 0.0);
    assert_eq!(pool.choose(now).0, 1);
    pool.left(1, Fault::WrongChain, now, 0.0);
    assert_eq!(pool.choose(now).0, 2);
    pool.left(2, Fault::Failure, now, 1.0);
    assert_eq!(pool.choose(now), (2, SECOND / 2), "jitter takes up to half of the wait");
}

#[test]
fn waits_double_up_to_a_limit() {
    let (mut pool, now) = (pool(1), Instant::now());
    for seconds in [1, 2, 4, 8, 8] {
        pool.left(0, Fault::Failure, now, 0.0);
        assert_eq!(pool.choose(now), (0, seconds * SECOND));
    }
    pool.serves(0);
    pool.left(0, Fault::Failure, now, 0.0);
    assert_eq!(pool.choose(now), (0, SECOND));
}

#[test]
fn a_slow_failing_or_late_endpoint_is_worse() {
    let (mut pool, now) = (pool(2), Instant::now());
    pool.succeeded(0, 8 * SECOND, Some(10));
    pool.succeeded(1, Duration::ZERO, Some(10));
    assert!((pool.score(0) - 50.0).abs() < 1e-9, "an eighth of 8 s halves it");
    assert_eq!(pool.choose(now).0, 1);
    pool.succeeded(1, Duration::ZERO, Some(4));
    assert!((pool.score(1) - 40.0).abs() < 1e-9, "six blocks behind");
    pool.missed(1);
    assert!((pool.score(1) - 27.5).abs() < 1e-9);
    assert_eq!(pool.choose(now).0, 0);
}

#[test]
fn what_one_says_that_is_left_alone_makes_nobody_look_late() {
    let (mut pool, now) = (pool(2), Instant::now());
    pool.succeeded(0, Duration::ZERO, Some(u64::MAX));
    pool.succeeded(1, Duration::ZERO, Some(7));
    assert!(pool.score(1) < pool.score(0), "it is believed while nothing speaks against it");
    pool.left(0, Fault::Distrusted, now, 0.0);
    assert!(pool.is_left(0, now) && !pool.is_left(1, now));
    assert!(pool.score(1) > pool.score(0));
    assert_eq!(pool.choose(now).0, 1);
    let later = now + SET_ASIDE;
    assert!(!pool.is_left(0, later), "it may be asked again");
    assert_eq!(pool.choose(later).0, 1, "and the other one stays preferred");
}

#[test]
fn one_that_is_not_believed_is_asked_again_where_no_other_serves() {
    let (mut pool, now) = (pool(3), Instant::now());
    pool.left(2, Fault::WrongChain, now, 0.0);
    pool.left(0, Fault::Distrusted, now, 0.0);
    let mut later = now;
    for _ in 0..3 {
        let (at, wait) = pool.choose(later);
        assert_eq!(at, 1, "a failure now and then is no reason");
        later += wait;
        pool.left(1, Fault::Failure, later, 0.0);
    }
    assert_eq!(pool.choose(later), (0, Duration::ZERO));
    pool.left(0, Fault::Distrusted, later, 0.0);
    assert_eq!(pool.choose(later), (0, 2 * SECOND), "in turn, with longer waits");
    pool.left(0, Fault::Distrusted, later + 2 * SECOND, 0.0);
    assert_eq!(pool.choose(later + 2 * SECOND), (1, 2 * SECOND));
    pool.serves(1);
    pool.left(1, Fault::Failure, later, 0.0);
    assert_eq!(pool.choose(later), (1, SECOND), "the one that served again is preferred");
}

#[test]
fn where_none_is_believed_they_are_asked_in_turn() {
    let (mut pool, now) = (pool(2), Instant::now());
    pool.left(0, Fault::Distrusted, now, 0.0);
    assert_eq!(pool.choose(now), (1, Duration::ZERO));
    pool.left(1, Fault::Distrusted, now + SECOND / 2, 0.0);
    assert_eq!(pool.choose(now + SECOND / 2), (0, SECOND / 2));
    pool.serves(0);
    assert_eq!(pool.choose(now + SECOND), (0, Duration::ZERO));
}
