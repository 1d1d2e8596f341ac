//! One client counts once, and what that does to the promise.

use rand::{RngExt, SeedableRng, rngs::Xoshiro256PlusPlus};

use super::*;
use crate::EProcess;

fn client(client: u64, requests: u32, errors: u32) -> ClientCounts {
    ClientCounts { client, requests, errors }
}

/// A cap, and a client of the stable arm that is always there and never fails.
fn observe(cap: &mut ClientCap, at: u64, canary: &[ClientCounts]) -> Option<(f64, f64)> {
    let look = ClientLook { canary, stable: &[client(1 << 40, 10, 0)] };
    let capped = cap.observe(At(at), &look).unwrap()?;
    assert_eq!(capped.look.canary.errors() as usize, capped.errors.len());
    Some((capped.look.canary.exposure(), capped.look.canary.errors()))
}

#[test]
fn a_client_is_left_out_after_its_first_error_and_comes_back() {
    let mut cap = ClientCap::new(1000, 1.0);
    let mut look = |at, canary: &[_]| observe(&mut cap, at, canary);
    assert_eq!(look(0, &[client(1, 10, 0), client(2, 5, 0)]), Some((15.0, 0.0)));
    // Of nine requests with one error, five come up to it on average.
    assert_eq!(look(1, &[client(1, 9, 1), client(2, 5, 0)]), Some((10.0, 1.0)));
    assert_eq!(look(2, &[client(1, 500, 49), client(2, 5, 0)]), Some((5.0, 0.0)));
    assert_eq!(look(1000, &[client(1, 4, 0)]), None);
    assert_eq!(look(1001, &[client(1, 4, 4)]), Some((1.0, 1.0)));
    assert_eq!(look(1002, &[client(1, 4, 0)]), None);
    let left_out = crate::LeftOutOfArm { clients: 2, requests: 508, errors: 49 };
    assert_eq!(cap.left_out().canary, left_out);
}

#[test]
fn a_client_that_goes_on_failing_does_not_come_back() {
    let mut cap = ClientCap::new(1000, 1.0);
    assert_eq!(observe(&mut cap, 0, &[client(1, 10, 10)]), Some((1.0, 1.0)));
    for at in 1..100 {
        assert_eq!(observe(&mut cap, at * 100, &[client(1, 50, 6)]), None, "{at}");
    }
    // Once it has behaved for as long, it counts again.
    let back = (100..200).find(|at| observe(&mut cap, at * 100, &[client(1, 50, 0)]).is_some());
    assert!(back.is_some_and(|at| (109..=120).contains(&at)), "{back:?}");
}

#[test]
fn a_look_that_cannot_be_counts_for_nothing() {
    let mut cap = ClientCap::new(1000, 1.0);
    let bad = [client(1, 3, 1), client(2, 1, 2)];
    assert!(cap.observe(At(0), &ClientLook { canary: &bad, stable: &[] }).is_err());
    assert!(cap.left_out_until.is_empty() && cap.pool.is_empty());
}

#[test]
fn memory_is_bounded_and_errors_beyond_it_still_count() {
    let mut cap = ClientCap::new(10, 1.0);
    let storm: Vec<_> = (0..100_000).map(|id| client(id, 1, 1)).collect();
    assert_eq!(observe(&mut cap, 0, &storm), Some((100_000.0, 100_000.0)));
    assert_eq!(cap.left_out_until.len(), 65_536);
    assert_eq!(observe(&mut cap, 10, &[client(7, 1, 1)]), Some((1.0, 1.0)));
    assert_eq!(cap.left_out_until.len(), 1, "those that count again are forgotten when it is full");
    let mut cap = ClientCap::new(10, 1.0);
    for at in 0..20 {
        let canary: Vec<_> = (0..30_000).map(|id| client(id + at * 30_000, 1, 0)).collect();
        let look = ClientLook { canary: &canary, stable: &[] };
        assert_eq!(cap.observe(At(at), &look), Ok(None));
        assert!(cap.pool.len() <= 2 * POOLED_MAX + 30_000, "{}", cap.pool.len());
        assert_eq!(cap.requests.0 as usize, cap.pool.len());
    }
    // The same clients again and again need no more than themselves.
    let mut cap = ClientCap::new(10, 1.0);
    let canary: Vec<_> = (0..30_000).map(|id| client(id, 1, 0)).collect();
    for at in 0..20 {
        assert_eq!(cap.observe(At(at), &ClientLook { canary: &canary, stable: &[] }), Ok(None));
    }
    assert_eq!((cap.requests.0, cap.pool.len() <= 2 * POOLED_MAX + 30_000), (600_000.0, true));
}

/// Draws the errors of clients that send `canary` and `stable` requests in a look, all alike, and
/// returns what the evidence for each ratio is multiplied by on average, and four times the standard
/// deviation of that.
fn mean_growth(canary: &[u32], stable: &[u32], p: f64, by_sums: bool) -> Vec<(f64, f64)> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(9);
    let runs = 60_000;
    let mut sums = vec![(0.0, 0.0); crate::RATIOS.len()];
    let mut cap = ClientCap::new(1000, 1.0);
    for run in 0..runs {
        let mut draw = |requests: &[u32], from: u64| -> Vec<ClientCounts> {
            let mut errors =
                |n: u32| (0..n).map(|_| u32::from(rng.random::<f64>() < p)).sum::<u32>();
            let clients = requests.iter().zip(from..);
            clients.map(|(n, id)| client(id, *n, errors(*n))).collect()
        };
        let (canary, stable) = (draw(canary, 0), draw(stable, 1000));
        cap.left_out_until.clear();
        let look = ClientLook { canary: &canary, stable: &stable };
        let capped = cap.observe(At(run), &look).unwrap().unwrap();
        for (sum, ratio) in sums.iter_mut().zip(crate::RATIOS) {
            let step = |share: f64, a: f64, errors: f64| {
                crate::eprocess::log_step(ratio, share, a, errors)
            };
            let log: f64 = if by_sums {
                let Look { canary, stable } = capped.look;
                let share = capped.look.share().unwrap();
                step(share, canary.errors(), canary.errors() + stable.errors())
            } else {
                let a = |arm| f64::from(u8::from(arm == Arm::Canary));
                capped.errors.iter().map(|error| step(error.share, a(error.arm), 1.0)).sum()
            };
            *sum = (sum.0 + log.exp(), sum.1 + (2.0 * log).exp());
        }
    }
    let moments = sums.iter().map(|(sum, squares)| (sum / runs as f64, squares / runs as f64));
    moments.map(|(m, m2)| (m, 4.0 * ((m2 - m * m) / runs as f64).sqrt())).collect()
}

/// Clients that send little and much, alike on both arms or not, with few errors and with many. Taking
/// the exposure up to the first errors as the look's share instead would not do: it is smaller just
/// where the canary failed.
#[test]
fn leaving_clients_out_gains_nothing_on_average() {
    for (canary, stable, p) in [
        (&[100u32][..], &[100u32; 9][..], 0.0005),
        (&[100], &[100; 9], 0.02),
        (&[2, 3, 40], &[30, 7, 200, 1], 0.01),
        (&[200], &[1; 50], 0.01),
        (&[1; 5], &[300, 300], 0.05),
        (&[20], &[20; 9], 0.5),
    ] {
        let means = mean_growth(canary, stable, p, false);
        for ((mean, chance), ratio) in means.iter().zip(crate::RATIOS) {
            assert!(*mean <= 1.0 + chance, "{canary:?} {stable:?} {p} ψ {ratio}: {mean}");
        }
    }
    let by_sums = mean_growth(&[100], &[100; 9], 0.0005, true);
    assert!(by_sums[6].0 > 1.08 + by_sums[6].1, "{by_sums:?}");
}

#[test]
fn the_same_looks_give_the_same_evidence() {
    let evidence = || {
        let (mut cap, mut process) = (ClientCap::new(1000, 5.0), EProcess::default());
        for at in 0..50 {
            let canary: Vec<_> =
                (0..20).map(|id| client(id, 3, u32::from(id == at % 20))).collect();
            let stable: Vec<_> = (100..180).map(|id| client(id, 2, 0)).collect();
            let look = ClientLook { canary: &canary, stable: &stable };
            for error in cap.observe(At(at), &look).unwrap().unwrap_or_default().errors {
                process.step(error.share, f64::from(u8::from(error.arm == Arm::Canary)), 1.0);
            }
        }
        process.log_evidence()
    };
    assert!(evidence() > 0.0);
    assert_eq!(evidence().to_bits(), evidence().to_bits());
}

#[test]
fn places_are_spread_evenly() {
    let drawn: Vec<f64> = (0..10_000).map(|client| drawn([5, client, 1, 0, 0])).collect();
    let below = |edge: f64| drawn.iter().filter(|place| **place < edge).count() as f64 / 10_000.0;
    for edge in [0.1, 0.5, 0.9] {
        assert!((below(edge) - edge).abs() < 0.02, "{edge}: {}", below(edge));
    }
}

/// What the stable arm did while the canary's only client was left out is not held against a canary
/// that comes back in a storm on both arms.
#[test]
fn what_is_compared_is_of_the_same_time() {
    let mut cap = ClientCap::new(600_000, 5.0);
    let stable: Vec<_> = (100..110).map(|id| client(id, 40, 0)).collect();
    for minute in 1..=11 {
        let canary = [client(1, 40, u32::from(minute == 1))];
        let look = ClientLook { canary: &canary, stable: &stable };
        let capped = cap.observe(At(minute * 60_000), &look).unwrap();
        assert_eq!(capped.is_some(), minute == 1 || minute == 11, "{minute}");
        if let Some(capped) = capped {
            assert_eq!(capped.look.stable.exposure(), 400.0, "of one look");
        }
    }
}
