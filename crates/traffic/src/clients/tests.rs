//! Totals and the looks that they make.

use super::*;

fn clients(process: u64, totals: &[(&str, u64, u64)]) -> Clients {
    let total = |&(name, requests, errors): &(&str, u64, u64)| ClientTotal {
        client: Client::of(name),
        requests,
        errors,
    };
    Clients { process, canary: totals.iter().map(total).collect(), stable: Vec::new() }
}

fn counts(look: &ClientsLook) -> Vec<(u32, u32)> {
    look.canary.iter().map(|counts| (counts.requests, counts.errors)).collect()
}

#[test]
fn a_look_has_what_is_new() {
    let mut tally = ClientTally::default();
    assert_eq!(counts(&tally.take(&clients(1, &[("a", 10, 2)]))), []);
    assert_eq!(counts(&tally.take(&clients(1, &[("a", 13, 3), ("b", 2, 0)]))), [(3, 1), (2, 0)]);
    assert_eq!(counts(&tally.take(&clients(1, &[("a", 13, 3), ("b", 2, 0)]))), []);
}

#[test]
fn a_failure_that_comes_late_has_a_request() {
    let mut tally = ClientTally::default();
    tally.take(&clients(1, &[]));
    assert_eq!(counts(&tally.take(&clients(1, &[("a", 4, 0)]))), [(4, 0)]);
    assert_eq!(counts(&tally.take(&clients(1, &[("a", 4, 1)]))), [(1, 1)]);
    // The one that was added is left out again.
    assert_eq!(counts(&tally.take(&clients(1, &[("a", 6, 1)]))), [(1, 0)]);
    assert_eq!(counts(&tally.take(&clients(1, &[("a", 7, 2)]))), [(1, 1)]);
}

#[test]
fn counts_that_begin_anew_are_taken_from_nothing() {
    let mut tally = ClientTally::default();
    tally.take(&clients(1, &[("a", 100, 5), ("b", 9, 0)]));
    // The router forgot the client for a while.
    assert_eq!(counts(&tally.take(&clients(1, &[("a", 3, 0)]))), [(3, 0)]);
    // Another process of the router, with more requests than the one before.
    assert_eq!(counts(&tally.take(&clients(2, &[("a", 200, 6)]))), [(200, 6)]);
}
