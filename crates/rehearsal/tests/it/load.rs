//! The load finds what a server does wrong, and nothing where it does nothing wrong.

use std::time::Duration;

use rehearsal::{Churn, Crowd, Keys, Ledger, Load, LoadError, LoadSettings, Verdict};

use crate::support::{
    fake::{Fake, Wrong},
    until,
};

/// The fake server speaks one transport, which every other reader has.
const CROWD: Crowd = Crowd { readers: 1, publishers: 2, members: 0 };

async fn run(wrong: Wrong) -> Verdict {
    let fake = Fake::start(wrong).await;
    let settings = LoadSettings {
        events_per_second: 200.0,
        repeat_every: 1,
        pairs_per_second: 0.0,
        ..LoadSettings::new(fake.address, Keys::draw("org_a", CROWD))
    };
    let load = Load::start(settings).await.expect("the server is there");
    until("enough events", || {
        let ledger = load.ledger();
        ledger.checked + ledger.told_missing > 60
    })
    .await;
    // What is lost does not come however long it is waited for.
    let comes = !matches!(wrong, Wrong::Loses | Wrong::Alters | Wrong::TellsOfGap);
    load.finish(if comes { Duration::from_secs(30) } else { Duration::from_millis(200) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_server_passes() {
    for wrong in [Wrong::Nothing, Wrong::SaysGoodbye, Wrong::Closes] {
        let verdict = run(wrong).await;
        assert!(verdict.passed, "{wrong:?}: {verdict:?}");
        let ledger = verdict.ledger;
        assert_eq!(ledger.goodbyes.canary > 0, wrong == Wrong::SaysGoodbye, "{ledger:?}");
        assert_eq!(ledger.breaks.canary > 0, wrong == Wrong::Closes, "{ledger:?}");
        assert_eq!(ledger.requests.canary, ledger.requests.total());
        assert_eq!(ledger.failures.total(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_and_goes_has_everything_once_and_in_order() {
    let fake = Fake::start(Wrong::Nothing).await;
    let churn = Churn { percent: 100, stay_seconds: 0.1, away_seconds: 0.05 };
    let settings = LoadSettings {
        events_per_second: 200.0,
        churn: Some(churn),
        pairs_per_second: 0.0,
        ..LoadSettings::new(fake.address, Keys::draw("org_a", CROWD))
    };
    let load = Load::start(settings).await.expect("the server is there");
    until("enough departures", || load.ledger().departures.canary > 10).await;
    let verdict = load.finish(Duration::from_secs(30)).await;
    assert!(verdict.passed, "{verdict:?}");
    assert_eq!(verdict.ledger.breaks.total(), 0, "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_is_found_and_no_other() {
    for wrong in [Wrong::Loses, Wrong::Repeats, Wrong::Swaps, Wrong::Alters, Wrong::HasTwoEffects] {
        let verdict = run(wrong).await;
        let ledger = &verdict.ledger;
        let &Ledger { repeated, reordered, altered, double_effects, .. } = ledger;
        // An altered event is one that the reader lacks.
        let lost = if wrong == Wrong::Alters { 0 } else { ledger.lost };
        let found = [lost, repeated, reordered, altered, double_effects].map(|count| count > 0);
        let is = |other: Wrong| wrong == other;
        let expected = [
            is(Wrong::Loses),
            is(Wrong::Repeats),
            is(Wrong::Swaps),
            is(Wrong::Alters),
            is(Wrong::HasTwoEffects),
        ];
        assert_eq!(found, expected, "{wrong:?}: {verdict:?}");
        assert!(!verdict.passed && !verdict.reasons.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_what_is_named() {
    let verdict = run(Wrong::Loses).await;
    let [shortfall] = verdict.shortfalls.as_slice() else { panic!("{verdict:?}") };
    assert_eq!(shortfall.reader, "reader-0 (sse)");
    assert!(shortfall.lacks >= 5 && shortfall.told == 0, "{shortfall:?}");
    assert_eq!(shortfall.first.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_is_told_is_no_loss() {
    let verdict = run(Wrong::TellsOfGap).await;
    assert!(verdict.ledger.is_clean(), "{verdict:?}");
    assert!(verdict.ledger.gaps["lagged"] > 0 && verdict.ledger.told_missing > 0, "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_make_no_load_are_refused() {
    let fake = Fake::start(Wrong::Nothing).await;
    let keys = Keys::draw("org_a", CROWD);
    for rate in [f64::NAN, -1.0, f64::INFINITY, 1e9] {
        let settings = LoadSettings::new(fake.address, keys.clone());
        let settings = LoadSettings { events_per_second: rate, ..settings };
        let started = Load::start(settings).await.map(|_| ());
        assert!(matches!(started, Err(LoadError::Settings(_))), "{rate}: {started:?}");
    }
}
