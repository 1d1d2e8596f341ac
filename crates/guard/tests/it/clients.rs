//! One client counts once.

use guard::{At, ClientCap, ClientCounts, Counts};

fn client(client: u64, requests: u32, errors: u32) -> ClientCounts {
    ClientCounts { client, requests, errors }
}

fn parts(counts: Counts) -> (f64, f64) {
    (counts.exposure(), counts.errors())
}

#[test]
fn a_client_is_left_out_after_its_first_error_and_comes_back() {
    let mut cap = ClientCap::new(1000);
    let mut look = |at: u64, look: &[ClientCounts]| parts(cap.count(At(at), look).unwrap());
    assert_eq!(look(0, &[client(1, 10, 0), client(2, 5, 0)]), (15.0, 0.0));
    // Of nine requests with one error, five come up to it on average.
    assert_eq!(look(1, &[client(1, 9, 1), client(2, 5, 0)]), (10.0, 1.0));
    assert_eq!(look(2, &[client(1, 500, 500), client(2, 5, 0)]), (5.0, 0.0));
    assert_eq!(look(1000, &[client(1, 500, 500)]), (0.0, 0.0));
    assert_eq!(look(1001, &[client(1, 4, 4)]), (1.0, 1.0));
    assert_eq!(look(1002, &[client(1, 4, 0)]), (0.0, 0.0));
}

#[test]
fn a_look_that_cannot_be_counts_for_nothing() {
    let mut cap = ClientCap::new(1000);
    assert!(cap.count(At(0), &[client(1, 3, 1), client(2, 1, 2)]).is_err());
    assert_eq!(cap.left_out(), 0);
}

#[test]
fn memory_is_bounded_and_errors_beyond_it_still_count() {
    let mut cap = ClientCap::new(10);
    let storm: Vec<_> = (0..100_000).map(|id| client(id, 1, 1)).collect();
    assert_eq!(parts(cap.count(At(0), &storm).unwrap()), (100_000.0, 100_000.0));
    assert_eq!(cap.left_out(), 65_536);
    assert_eq!(parts(cap.count(At(10), &[client(7, 1, 1)]).unwrap()), (1.0, 1.0));
    assert_eq!(cap.left_out(), 1, "those that count again are forgotten when it is full");
}
