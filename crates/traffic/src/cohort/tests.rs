//! Buckets as they are computed here; that a router computes the same is tested with a real one.

use proptest::prelude::*;

use super::*;

#[test]
fn a_client_is_the_beginning_of_a_sha_256() {
    // printf ka | sha256sum
    let client = Client::of("ka");
    assert_eq!(client.to_string(), "3EBB1C99B12B7746");
    assert_eq!(client.bucket().number(), 9945);
    assert_eq!(client.to_string().parse(), Ok(client));
    for bad in ["", "3EBB1C99B12B774", "+EBB1C99B12B7746", "3EBB1C99B12B77460"] {
        assert_eq!(bad.parse::<Client>(), Err(ClientError));
    }
}

#[test]
fn probes_come_as_clients_of_the_cohort() {
    let weight = Weight::from_percent(1.0).unwrap();
    let probes: Vec<_> = Client::probes("run", weight).take(5).collect();
    assert!(probes.iter().all(|probe| Client::of(probe).bucket().is_in(weight)));
    assert_eq!(probes, Client::probes("run", weight).take(5).collect::<Vec<_>>());
    assert_eq!(Client::probes("run", Weight::NONE).next(), None);
}

#[test]
fn clients_are_spread_evenly() {
    let weight = Weight::from_percent(20.0).unwrap();
    let clients = (0..10_000).map(|number| Client::of(&format!("client-{number}")));
    let within = clients.filter(|client| client.bucket().is_in(weight)).count();
    assert!((1_850..=2_150).contains(&within), "{within}");
}

proptest! {
    #[test]
    fn a_greater_share_contains_a_smaller(credential in ".*", points in 0u16..=10_000) {
        let bucket = Client::of(&credential).bucket();
        let weight = Weight::from_basis_points(points).unwrap();
        let greater = Weight::from_basis_points(points.saturating_add(1_000).min(10_000)).unwrap();
        prop_assert!(bucket.number() < BUCKETS);
        prop_assert!(!bucket.is_in(weight) || bucket.is_in(greater));
        prop_assert!(bucket.is_in(Weight::ALL) && !bucket.is_in(Weight::NONE));
    }
}
