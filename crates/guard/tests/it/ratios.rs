//! The guard over a ratio: its four verdicts, and what makes it take each.

use guard::{
    AGAIN_AFTER_MS, Alpha, At, ClientCounts, ClientLook, Counter, Counts, EXPOSURE_MIN, Effect,
    Exposed, LeftOutOfArm, Look, RatioGuard, RatioSettings, Reading, Verdict,
};
use proptest::prelude::*;

fn guard() -> RatioGuard {
    RatioGuard::new(RatioSettings {
        guard: "errors".to_owned(),
        source: "proxy".to_owned(),
        exposed: Exposed::Requests,
        alpha: Alpha::ONE_PERCENT,
        effect: Effect::new(10.0, 0.01).unwrap(),
        exposure_min: EXPOSURE_MIN,
        again_after_ms: AGAIN_AFTER_MS,
        silent_ms_max: 30_000,
    })
}

fn look(canary: (f64, f64), stable: (f64, f64)) -> Look {
    let counts = |(requests, errors)| Counts::of_requests(requests, errors).unwrap();
    Look { canary: counts(canary), stable: counts(stable) }
}

#[test]
fn no_data_is_never_a_pass() {
    let mut guard = guard();
    assert_eq!(guard.judge(At(0)).verdict, Verdict::Insufficient);
    guard.observe(At(1000), &look((0.0, 0.0), (0.0, 0.0)));
    assert_eq!(guard.judge(At(1000)).verdict, Verdict::Insufficient);
    guard.observe(At(2000), &look((0.0, 0.0), (1e6, 10.0)));
    let judged = guard.judge(At(2000));
    assert_eq!(judged.verdict, Verdict::Insufficient);
    assert_eq!(judged.sentence, "The canary has had no requests yet.");
    assert_eq!((judged.value, judged.baseline), (None, Some(1e-5)));
}

#[test]
fn it_passes_once_what_matters_would_have_been_seen() {
    let mut guard = guard();
    let mut passed_at = None;
    for second in 1..600 {
        guard.observe(At(second * 1000), &look((2.0, 0.0), (18.0, f64::from(second % 10 == 0))));
        let is_pass = guard.judge(At(second * 1000)).verdict.is_pass();
        if is_pass && passed_at.is_none() {
            passed_at = Some(second);
        }
    }
    let passed_at = passed_at.unwrap();
    // Each error of the stable arm alone speaks for nearly twice "no worse" against "tenfold".
    assert!((30..150).contains(&passed_at), "{passed_at}");
    let judged = guard.judge(At(600_000));
    assert_eq!(judged.verdict, Verdict::Pass);
    assert_eq!(judged.n, 599.0 * 20.0);
    assert_eq!(judged.window.seconds(), 598.0);
    assert!(judged.bound.unwrap() > judged.baseline.unwrap());
    assert!(judged.to_string().starts_with("PASS errors: The canary is not seen to be worse"));
}

#[test]
fn a_service_without_errors_can_pass() {
    let mut guard = guard();
    guard.observe(At(1000), &look((1000.0, 0.0), (9000.0, 0.0)));
    assert_eq!(guard.judge(At(1000)).verdict, Verdict::Pass, "one per cent is ruled out");
    assert!(guard.judge(At(1000)).sentence.ends_with("; a rate of 1.000 % is ruled out."));
}

#[test]
fn it_fails_for_good_at_once() {
    let mut guard = guard();
    guard.observe(At(1000), &look((20.0, 6.0), (180.0, 0.0)));
    let judged = guard.judge(At(1000));
    assert_eq!(judged.verdict, Verdict::Fail);
    assert!(judged.sentence.contains("6 of 20 requests (30.000 %)"), "{}", judged.sentence);
    assert!(judged.value.unwrap() >= judged.bound.unwrap());
    guard.refuse(At(2000), "gone");
    for second in 3..500 {
        guard.observe(At(second * 1000), &look((20.0, 0.0), (180.0, 5.0)));
    }
    assert_eq!(guard.judge(At(900_000)).verdict, Verdict::Fail);
    assert_eq!(guard.failed(), Some(At(1000)));
}

#[test]
fn a_late_burst_is_seen_after_a_long_good_time() {
    let mut guard = guard();
    for second in 1..3600 {
        let stable = f64::from(second % 5 == 0);
        guard.observe(At(second * 1000), &look((10.0, 0.0), (90.0, stable)));
    }
    assert!(guard.log_evidence() < -4.0);
    guard.observe(At(3_600_000), &look((10.0, 8.0), (90.0, 0.0)));
    guard.observe(At(3_601_000), &look((10.0, 8.0), (90.0, 0.0)));
    assert_eq!(guard.judge(At(3_601_000)).verdict, Verdict::Fail);
}

#[test]
fn a_source_that_is_silent_or_bad_is_an_error() {
    let mut guard = guard();
    guard.observe(At(1000), &look((1000.0, 0.0), (9000.0, 0.0)));
    assert_eq!(guard.judge(At(31_000)).verdict, Verdict::Pass);
    let silent = guard.judge(At(31_001));
    assert_eq!(
        (silent.verdict, silent.sentence.as_str()),
        (Verdict::Error, "No data has come for 30 seconds.")
    );
    guard.refuse(At(31_001), "NaN is no number to count with");
    assert!(guard.judge(At(31_001)).sentence.contains("NaN"));
    guard.observe(At(32_000), &look((1.0, 0.0), (9.0, 0.0)));
    assert_eq!(guard.judge(At(32_000)).verdict, Verdict::Pass);
    guard.observe(At(32_000), &look((1.0, 1.0), (9.0, 0.0)));
    assert_eq!(guard.judge(At(32_000)).verdict, Verdict::Error);
    assert_eq!(guard.total().canary.errors(), 0.0, "what comes twice is not counted");
}

#[test]
fn a_reading_that_can_not_be_is_an_error_that_names_its_guard_and_source() {
    for (exposure, errors, at, told) in [
        (f64::NAN, 5.0, 2000, "NaN"),
        (130.0, -1.0, 2000, "-1"),
        (130.0, 5.0, 500, "the past"),
        (20.0, 7.0, 2000, "began anew"),
    ] {
        let (mut guard, mut counter) = (guard(), Counter::of_requests());
        guard.observe(At(1000), &look((1000.0, 0.0), (9000.0, 0.0)));
        assert_eq!(guard.judge(At(1000)).verdict, Verdict::Pass);
        counter.take(Reading { at: At(1000), exposure: 100.0, errors: 5.0 }).unwrap();
        let refused = counter.take(Reading { at: At(at), exposure, errors }).unwrap_err();
        guard.refuse(At(2000), refused.to_string());
        let judged = guard.judge(At(2000));
        assert_eq!(judged.verdict, Verdict::Error, "{judged:?}");
        assert_eq!((judged.guard.as_str(), judged.source.as_str()), ("errors", "proxy"));
        assert!(judged.sentence.contains(told), "{}", judged.sentence);
    }
}

#[test]
fn a_source_that_never_spoke_is_an_error() {
    let mut guard = guard();
    guard.refuse(At(0), "refused");
    assert_eq!(guard.judge(At(0)).verdict, Verdict::Error);
}

/// Errors that came while the other arm had nothing are not lost, and nothing passes beside them.
#[test]
fn looks_with_one_arm_are_put_together() {
    let mut guard = guard();
    guard.observe(At(1000), &look((1000.0, 1000.0), (0.0, 0.0)));
    assert_eq!(guard.judge(At(1000)).verdict, Verdict::Insufficient);
    guard.observe(At(2000), &look((0.0, 0.0), (9000.0, 10.0)));
    assert_eq!(guard.judge(At(2000)).verdict, Verdict::Fail);
    let mut guard = self::guard();
    for turn in 0..20 {
        guard.observe(At(turn * 2000 + 1000), &look((100.0, 50.0), (0.0, 0.0)));
        assert_ne!(guard.judge(At(turn * 2000 + 1000)).verdict, Verdict::Pass);
        guard.observe(At(turn * 2000 + 2000), &look((0.0, 0.0), (900.0, 4.0)));
    }
    assert_eq!(guard.judge(At(40_000)).verdict, Verdict::Fail);
    assert_eq!(guard.failed(), Some(At(2000)));
}

#[test]
fn what_matters_is_said_with_its_rate_and_unit() {
    let mut guard = guard();
    guard.observe(At(1000), &look((10.0, 0.0), (990.0, 2.0)));
    let told = guard.judge(At(1000)).sentence;
    assert!(told.ends_with("; 10 times the stable rate (2.020 %) is not ruled out yet."), "{told}");
    assert_eq!(guard.judge(At(1000)).unit, "errors per request");
    let mut few = self::guard();
    few.observe(At(1000), &look((10.0, 0.0), (9000.0, 1.0)));
    let told = few.judge(At(1000)).sentence;
    assert!(told.ends_with("; a rate of 1.000 % is not ruled out yet."), "{told}");
    let settings = RatioSettings {
        guard: "breaks".to_owned(),
        source: "proxy".to_owned(),
        exposed: Exposed::ConnectionSeconds,
        alpha: Alpha::ONE_PERCENT,
        effect: Effect::new(4.0, 0.0).unwrap(),
        exposure_min: EXPOSURE_MIN,
        again_after_ms: AGAIN_AFTER_MS,
        silent_ms_max: 30_000,
    };
    let mut guard = RatioGuard::new(settings);
    let counts = |seconds, breaks| Counts::of_seconds(seconds, breaks).unwrap();
    guard.observe(At(1000), &Look { canary: counts(40.0, 0.0), stable: counts(360.0, 2.0) });
    let judged = guard.judge(At(1000));
    assert_eq!(judged.unit, "breaks per connection-second");
    assert_eq!(
        judged.sentence,
        "Too little was seen to tell: canary 0 of 40 connection-seconds (0 a connection-second), \
         stable 2 of 360 connection-seconds (0.00556 a connection-second); 4 times the stable rate \
         (0.0222 a connection-second) is not ruled out yet."
    );
}

/// What was left out is told, so that a canary that fails one client wholly is not said to be fine.
#[test]
fn what_clients_were_left_out_is_told() {
    let mut guard = guard();
    let of = |range: std::ops::Range<u64>, requests, errors| {
        range.map(|client| ClientCounts { client, requests, errors }).collect::<Vec<_>>()
    };
    let stable = of(100..190, 10, 0);
    for second in 1..=20 {
        let mut canary = of(1..10, 10, 0);
        canary.extend(of(0..1, 10, 10));
        let look = ClientLook { canary: &canary, stable: &stable };
        guard.observe_clients(At(second * 1000), &look).unwrap();
    }
    let judged = guard.judge(At(20_000));
    let left_out = judged.left_out.unwrap();
    assert_eq!(left_out.canary, LeftOutOfArm { clients: 1, requests: 190, errors: 190 });
    assert_eq!(left_out.stable, LeftOutOfArm::default());
    assert!(
        judged.sentence.contains(
            "each client up to its first error, canary 1 of 1801 requests (0.056 %), stable 0 of \
             18000 requests (0.000 %), left out after it 1 client with 190 failed of 190 requests \
             and 0 clients with 0 failed of 0 requests"
        ),
        "{judged}"
    );
    let bad = [ClientCounts { client: 1, requests: 1, errors: 2 }];
    let look = ClientLook { canary: &bad, stable: &[] };
    assert!(guard.observe_clients(At(21_000), &look).is_err());
    assert_eq!(guard.judge(At(21_000)).verdict, Verdict::Error);
}

proptest! {
    /// Whatever the order, exposure without errors never makes the evidence grow.
    #[test]
    fn errors_of_the_stable_arm_never_speak_against_the_canary(
        looks in prop::collection::vec((0u32..50, 1u32..50, 0u32..50), 1..60),
    ) {
        let mut guard = guard();
        let mut at = 0;
        for (canary, stable, errors) in looks {
            at += 1000;
            let errors = errors.min(stable);
            let before = guard.log_evidence();
            let counts = (f64::from(stable), f64::from(errors));
            guard.observe(At(at), &look((f64::from(canary), 0.0), counts));
            prop_assert!(guard.log_evidence() <= before + 1e-9);
        }
    }

    /// No numbers make a verdict that has no sentence, or a number that is none.
    #[test]
    fn every_judgement_can_be_read(
        looks in prop::collection::vec((0.0..1e9f64, 0.0..1.0f64, 0.0..1e9f64, 0.0..1.0f64), 0..20),
    ) {
        let mut guard = guard();
        for (second, (canary, bad, stable, worse)) in looks.into_iter().enumerate() {
            let look = look((canary, canary * bad), (stable, stable * worse));
            guard.observe(At(second as u64 * 1000 + 1), &look);
        }
        let judged = guard.judge(At(20_000));
        prop_assert!(judged.sentence.ends_with('.'));
        for number in [judged.value, judged.baseline, judged.bound].into_iter().flatten() {
            prop_assert!(number.is_finite(), "{judged:?}");
        }
    }
}
