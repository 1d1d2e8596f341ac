//! Paired measurements: what passes, what fails, what is too noisy, and how often it is wrong.

use guard::{Alpha, At, PairGuard, PairSettings, Verdict};
use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

fn guard(margin: f64) -> PairGuard {
    let settings = PairSettings {
        guard: "p99".to_owned(),
        source: "probe".to_owned(),
        unit: "ms".to_owned(),
        alpha: Alpha::ONE_PERCENT,
        margin,
        silent_ms_max: 60_000,
    };
    PairGuard::new(settings).unwrap()
}

/// Measurements with a heavy tail, and a drift that slows both down.
fn pairs(rng: &mut Xoshiro256PlusPlus, ratio: f64, noise: f64, n: u64) -> Vec<(f64, f64)> {
    let mut measured = |drift: f64| {
        let (u, v): (f64, f64) = (rng.random(), rng.random());
        let tail = if v > 0.9 { 5.0 } else { 1.0 };
        10.0 * drift * (noise * tail * (u - 0.5)).exp()
    };
    (0..n)
        .map(|i| 1.0 + (i as f64 / 20.0).sin().powi(2))
        .map(|drift| (measured(drift) * ratio, measured(drift)))
        .collect()
}

fn judged(margin: f64, pairs: &[(f64, f64)]) -> guard::Judgement {
    let mut guard = guard(margin);
    for (second, (canary, stable)) in pairs.iter().enumerate() {
        guard.observe(At(second as u64 + 1), *canary, *stable);
    }
    guard.judge(At(pairs.len() as u64))
}

#[test]
fn verdicts_follow_the_bounds() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let same = judged(1.1, &pairs(&mut rng, 1.0, 0.1, 200));
    assert_eq!(same.verdict, Verdict::Pass, "{same}");
    assert!(same.bound.unwrap() <= 1.1);
    let slower = judged(1.1, &pairs(&mut rng, 1.5, 0.1, 200));
    assert_eq!(slower.verdict, Verdict::Fail, "{slower}");
    let noisy = judged(1.1, &pairs(&mut rng, 1.0, 3.0, 40));
    assert_eq!(noisy.verdict, Verdict::Insufficient, "{noisy}");
    assert!(noisy.sentence.starts_with("Too noisy to tell"), "{noisy}");
    let few = judged(1.1, &pairs(&mut rng, 1.0, 0.1, 5));
    assert_eq!(few.sentence, "Too few pairs to tell: 5.");
    assert_eq!(judged(1.1, &[]).verdict, Verdict::Insufficient);
}

#[test]
fn numbers_that_are_none_are_an_error_until_a_good_pair_comes() {
    for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let mut guard = guard(1.1);
        for second in 1..100 {
            guard.observe(At(second), 10.0, 10.0);
        }
        assert_eq!(guard.judge(At(101)).verdict, Verdict::Pass);
        guard.observe(At(100), bad, 10.0);
        assert_eq!(guard.judge(At(101)).verdict, Verdict::Error, "{bad}");
        guard.observe(At(99), 10.0, 10.0);
        assert_eq!(guard.judge(At(101)).verdict, Verdict::Error, "of the past");
        guard.observe(At(101), 10.0, 10.0);
        assert_eq!(guard.judge(At(101)).verdict, Verdict::Pass);
        assert_eq!(guard.judge(At(101)).n, 100.0);
    }
}

#[test]
fn a_margin_below_one_is_refused() {
    for margin in [0.9, f64::NAN, f64::INFINITY, -1.0] {
        let settings = PairSettings {
            guard: String::new(),
            source: String::new(),
            unit: String::new(),
            alpha: Alpha::ONE_PERCENT,
            margin,
            silent_ms_max: 0,
        };
        assert!(PairGuard::new(settings).is_err(), "{margin}");
    }
}

/// Exactly at the margin a failure is false; it may come in one of a hundred, looking after each
/// pair. A pass at the margin is as wrong, and as rare.
#[test]
fn at_the_margin_either_verdict_is_rare() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
    let (mut failed, mut passed) = (0, 0);
    for _ in 0..1000 {
        let mut guard = guard(1.2);
        let (mut fails, mut passes) = (false, false);
        for (second, (canary, stable)) in pairs(&mut rng, 1.2, 0.3, 200).into_iter().enumerate() {
            guard.observe(At(second as u64 + 1), canary, stable);
            let (lower, upper) = guard.bounds();
            fails |= lower.is_some_and(|lower| lower > 1.2);
            passes |= upper.is_some_and(|upper| upper < 1.2);
        }
        failed += u32::from(fails);
        passed += u32::from(passes);
    }
    assert!(failed <= 10 && passed <= 10, "{failed} failed and {passed} passed of 1000");
}

#[test]
fn a_slowdown_late_in_a_long_run_is_seen() {
    let mut guard = guard(1.1);
    for pair in 1..=12_000 {
        guard.observe(At(pair), 10.0, 10.0);
    }
    assert_eq!(guard.judge(At(12_000)).verdict, Verdict::Pass);
    let mut at = 12_000;
    while guard.judge(At(at)).verdict != Verdict::Fail && at < 40_000 {
        at += 1;
        guard.observe(At(at), 20.0, 10.0);
    }
    assert!(at < 30_000, "seen after {} pairs", at - 12_000);
    let judged = guard.judge(At(at));
    assert_eq!(judged.window.to_ms, At(at));
    assert!(judged.n <= 10_000.0);
}

#[test]
fn a_source_that_falls_silent_is_an_error() {
    let mut guard = guard(1.1);
    for pair in 1..=100 {
        guard.observe(At(pair), 10.0, 10.0);
    }
    assert_eq!(guard.judge(At(60_100)).verdict, Verdict::Pass);
    let judged = guard.judge(At(60_101));
    assert_eq!(judged.verdict, Verdict::Error);
    assert_eq!(judged.sentence, "No data has come for 60 seconds.");
}

#[test]
fn a_failure_keeps_what_it_was_made_of() {
    let mut guard = guard(1.1);
    for pair in 1..=100 {
        guard.observe(At(pair), 20.0, 10.0);
    }
    for pair in 101..=2000 {
        guard.observe(At(pair), 10.0, 10.0);
    }
    let judged = guard.judge(At(2000));
    assert_eq!(judged.verdict, Verdict::Fail);
    assert_eq!(
        judged.sentence,
        "The canary is slower than allowed: at least 2.000 times as slow (medians 20.000 ms and \
         10.000 ms), 1.1 is allowed."
    );
}
