//! Thousands of releases of each kind: how often a good one is aborted, how soon a bad one is seen.

use guard::{
    Alpha, EXPOSURE_MIN, Effect, Outlook, OutlookClients, detection_power, passing_power,
    simulate::{FAIR_SCENARIOS, Method, Plan, PlanError, Scenario, Traffic},
};

const TRAFFIC: Traffic = Traffic {
    requests_per_second: 20.0,
    error_ratio: 0.005,
    share: 0.1,
    seconds: 1800,
    clients: 1000,
};

const PLAN: Plan = Plan {
    traffic: TRAFFIC,
    alpha: Alpha::ONE_PERCENT,
    look_s: 1,
    again_after_s: 600,
    runs: 1000,
    seed: 1,
};

fn aborted(plan: &Plan, scenario: Scenario, rate: f64, method: Method) -> u32 {
    let traffic = Traffic { requests_per_second: rate, ..plan.traffic };
    let ended = plan.runs_of(scenario, traffic);
    ended.iter().map(|ended| u32::from(ended.at(method).is_some())).sum()
}

#[test]
fn of_good_releases_at_most_one_in_a_hundred_is_aborted_at_20_requests_a_second() {
    for scenario in FAIR_SCENARIOS {
        let aborted = aborted(&PLAN, scenario, 20.0, Method::Guard);
        assert!(aborted <= 10, "{scenario}: {aborted} of 1000 with seed {}", PLAN.seed);
    }
}

#[test]
fn of_good_releases_at_most_one_in_a_hundred_is_aborted_with_little_traffic() {
    let plan = Plan { runs: 2000, ..PLAN };
    for (scenario, rate) in
        FAIR_SCENARIOS.into_iter().flat_map(|scenario| [(scenario, 1.0), (scenario, 5.0)])
    {
        let aborted = aborted(&plan, scenario, rate, Method::Guard);
        assert!(aborted <= 20, "{scenario} at {rate}/s: {aborted} of 2000, seed {}", plan.seed);
    }
}

/// Long looks of few clients, each with many requests in a look, and storms that never end.
#[test]
fn of_good_releases_at_most_one_in_a_hundred_is_aborted_with_few_heavy_clients() {
    let check = |scenario, (rate, clients, share): (f64, u32, f64), error_ratio, look_s, runs| {
        let traffic = Traffic { error_ratio, share, clients, ..TRAFFIC };
        let plan = Plan { traffic, look_s, runs, ..PLAN };
        let aborted = aborted(&plan, scenario, rate, Method::Guard);
        let what = format!("{scenario}, {clients} clients, looks of {look_s} s");
        // With two standard deviations for chance, as a study has them.
        let most = 0.01 * f64::from(runs) + 2.0 * (0.0099 * f64::from(runs)).sqrt();
        assert!(f64::from(aborted) <= most, "{what}: {aborted} of {runs}, seed {}", plan.seed);
    };
    check(Scenario::StormBoth, (20.0, 10, 0.1), 0.005, 15, 1000);
    check(Scenario::StormBoth, (20.0, 10, 0.1), 0.005, 60, 1000);
    check(Scenario::StormBoth, (20.0, 30, 0.1), 0.005, 60, 1000);
    check(Scenario::EndlessStorm, (20.0, 10, 0.1), 0.005, 15, 1000);
    check(Scenario::EndlessStorm, (100.0, 10, 0.1), 0.0005, 60, 200);
}

/// A client that fails and tries again from the beginning to the end counts once.
#[test]
fn an_endless_storm_aborts_at_most_one_in_a_hundred() {
    let check = |rate: f64, (clients, share): (u32, f64), error_ratio| {
        let traffic = Traffic { error_ratio, share, seconds: 3600, clients, ..TRAFFIC };
        let plan = Plan { traffic, ..PLAN };
        let aborted = aborted(&plan, Scenario::EndlessStorm, rate, Method::Guard);
        assert!(aborted <= 10, "{clients} clients, {share}: {aborted} of 1000");
    };
    check(5.0, (100, 0.1), 0.0005);
    check(5.0, (1000, 0.01), 0.005);
}

/// What plans are told is a lower bound of what the guard does, with an allowance of three standard
/// deviations for chance.
#[test]
fn the_power_that_is_claimed_is_there() {
    let check = |rate: f64, seconds: u32, clients: u32, look_s: u32, ratios: &[f64]| {
        let traffic = Traffic { seconds, clients, ..TRAFFIC };
        let plan = Plan { traffic, look_s, runs: 200, ..PLAN };
        let outlook = Outlook {
            exposure_per_second: rate,
            share: traffic.share,
            seconds: seconds.into(),
            look_s: look_s.into(),
            exposure_min: EXPOSURE_MIN,
            clients: Some(OutlookClients { count: clients, again_after_s: 600.0 }),
        };
        let holds = |what: String, claimed: f64, seen: f64| {
            let chance = 3.0 * (claimed * (1.0 - claimed) / f64::from(plan.runs)).sqrt();
            assert!(seen >= claimed - chance, "{what} at {rate}/s: {claimed} claimed, {seen} seen");
        };
        for ratio in ratios {
            let canary = traffic.error_ratio * ratio;
            let claimed = detection_power(plan.alpha, &outlook, traffic.error_ratio, canary);
            let seen = plan.row(Scenario::Worse { ratio: *ratio, from_s: 0 }, rate).aborted;
            holds(format!("{ratio}x seen"), claimed, seen);
        }
        let four = Effect::new(4.0, 0.0).unwrap();
        let claimed = passing_power(plan.alpha, four, &outlook, traffic.error_ratio);
        holds("passed".to_owned(), claimed, plan.row(Scenario::Steady, rate).passed);
    };
    check(1.0, 1800, 1000, 1, &[4.0, 10.0, 12.0]);
    check(1.0, 3600, 1000, 1, &[4.0, 7.5, 10.0]);
    check(5.0, 1800, 1000, 1, &[2.0, 4.0, 5.0]);
    check(20.0, 600, 1000, 1, &[2.0, 4.0]);
    check(20.0, 1200, 50, 60, &[4.0, 10.0]);
    check(100.0, 200, 1000, 1, &[2.0, 4.0]);
}

/// A canary that is as bad as what matters passes in at most one of a hundred runs, at any time.
#[test]
fn a_bad_release_passes_in_at_most_one_of_a_hundred() {
    let traffic = Traffic { seconds: 3600, ..TRAFFIC };
    for (rate, look_s, ratio) in [(1.0, 1, 10.0), (1.0, 60, 10.0), (5.0, 1, 4.0)] {
        let plan = Plan { traffic, look_s, ..PLAN };
        let row = plan.row(Scenario::Worse { ratio, from_s: 0 }, rate);
        let what = format!("{ratio}x at {rate}/s, looks of {look_s} s");
        assert!(row.passed <= 0.01, "{what}: {} passed with seed {}", row.passed, plan.seed);
        assert!(row.aborted >= 0.95, "{what}: {} seen", row.aborted);
    }
}

/// The simulations can fail: without what the guard does, most good releases are aborted.
#[test]
fn what_the_guard_does_not_do_aborts_good_releases() {
    let plan = Plan { runs: 200, ..PLAN };
    let check = |scenario, method, least: u32| {
        let aborted = aborted(&plan, scenario, 20.0, method);
        assert!(aborted >= least, "{scenario} by {method:?}: {aborted} of 200");
    };
    check(Scenario::RetryStorm, Method::Uncapped, 190);
    check(Scenario::WrongShare, Method::ConfiguredShare, 100);
    check(Scenario::Ramp, Method::ConfiguredShare, 20);
    check(Scenario::StormBoth, Method::Threshold, 190);
    check(Scenario::Steady, Method::Threshold, 60);
}

/// Of release controllers with a threshold is known that they abort 60 to 82 % of good releases at
/// 1 to 20 requests a second, and of the e-process that it sees a tenfold at 20 within 60 seconds.
#[test]
fn worse_releases_are_seen_and_soon() {
    let plan = Plan { runs: 300, ..PLAN };
    let check = |ratio: f64, rate: f64, least: f64, median_s_max: f64| {
        let row = plan.row(Scenario::Worse { ratio, from_s: 0 }, rate);
        let median_s = row.median_s.unwrap_or(f64::INFINITY);
        assert!(row.aborted >= least, "{ratio}x at {rate}/s: {} seen", row.aborted);
        assert!(median_s <= median_s_max, "{ratio}x at {rate}/s: half after {median_s} s");
        assert!(row.curve.is_sorted() && row.curve.last() == Some(&row.aborted));
    };
    check(10.0, 100.0, 1.0, 15.0);
    check(10.0, 20.0, 1.0, 60.0);
    check(10.0, 5.0, 0.98, 300.0);
    check(10.0, 1.0, 0.75, 1000.0);
    check(4.0, 100.0, 1.0, 70.0);
    check(4.0, 20.0, 0.98, 360.0);
    check(4.0, 5.0, 0.7, 1000.0);
    let late = plan.row(Scenario::Worse { ratio: 10.0, from_s: 900 }, 20.0);
    assert!(late.aborted >= 0.98 && late.median_s.unwrap() <= 200.0, "{late:?}");
}

#[test]
fn the_same_seed_gives_the_same_study() {
    let traffic = Traffic { seconds: 120, clients: 50, requests_per_second: 3.0, ..TRAFFIC };
    let plan = Plan { traffic, runs: 20, ..PLAN };
    let mut ticks = Vec::new();
    let study = plan.study(&mut |row, rows| ticks.push((row, rows))).unwrap();
    assert_eq!(study, plan.study(&mut |_, _| {}).unwrap());
    assert_ne!(study, Plan { seed: 2, ..plan }.study(&mut |_, _| {}).unwrap());
    assert_eq!(ticks.len(), study.fair.len() + study.worse.len());
    assert!(ticks.iter().enumerate().all(|(i, tick)| *tick == (i, ticks.len())));
    let text = study.to_string();
    for part in ["one client's retry storm", "10x errors after 60 s", "100", "3 requests/s, 0.5 %"]
    {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    let svg = study.svg();
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    assert_eq!(svg.matches("<polyline").count(), 10);
    assert_eq!(serde_json::to_value(&study).unwrap()["fair"][0]["scenario"]["kind"], "steady");
}

#[test]
fn plans_that_make_no_sense_are_refused() {
    let check = |traffic: Traffic, runs: u32, error: PlanError| {
        assert_eq!(Plan { traffic, runs, ..PLAN }.check(), Err(error));
    };
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        check(Traffic { requests_per_second: rate, ..TRAFFIC }, 1, PlanError::Requests);
    }
    check(Traffic { error_ratio: 0.51, ..TRAFFIC }, 1, PlanError::Errors);
    check(Traffic { error_ratio: f64::NAN, ..TRAFFIC }, 1, PlanError::Errors);
    check(Traffic { share: 0.0, ..TRAFFIC }, 1, PlanError::Share);
    check(Traffic { share: 0.5, ..TRAFFIC }, 1, PlanError::Share);
    check(Traffic { seconds: 10, ..TRAFFIC }, 1, PlanError::Seconds);
    check(Traffic { clients: 1, ..TRAFFIC }, 1, PlanError::Clients);
    check(TRAFFIC, 0, PlanError::Runs);
    for look_s in [0, 901, 3601] {
        assert_eq!(Plan { look_s, ..PLAN }.check(), Err(PlanError::Looks));
    }
    assert_eq!(PLAN.check(), Ok(()));
}
