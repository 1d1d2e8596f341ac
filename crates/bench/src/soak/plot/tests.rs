//! Scales hold what is drawn.

use super::*;

#[test]
fn a_scale_holds_the_most_and_its_lines_are_round() {
    let check = |most: f64, expected: f64| {
        assert_eq!(Scale::linear(most), Scale::Linear { most: expected }, "{most}");
    };
    check(0.0, 0.5);
    check(61.0, 65.0);
    check(9876.0, 10_000.0);
    check(10_000.0, 10_000.0);
    assert_eq!(Scale::linear(65.0).grid(), [0.0, 32.5, 65.0]);
}

#[test]
fn powers_of_ten_are_evenly_apart() {
    let scale = Scale::powers(0.3, 40.0);
    assert_eq!(scale, Scale::Powers { least: -1, most: 2 });
    assert_eq!(scale.grid(), [0.1, 1.0, 10.0, 100.0]);
    assert!((scale.height(1.0) - 1.0 / 3.0).abs() < 1e-9);
    assert_eq!((scale.height(0.001), scale.height(1e6)), (0.0, 1.0));
    assert_eq!(Scale::powers(f64::MAX.min(1e6), 0.0), Scale::Powers { least: 6, most: 7 });
}

#[test]
fn the_headline_is_divided() {
    let (title, rest) = split("soak: 10 readers (a to b each), 50% over WebSocket, 4 s");
    assert_eq!(title, "soak: 10 readers (a to b each)");
    assert_eq!(rest, "50% over WebSocket, 4 s");
    assert_eq!(split("soak"), ("soak".to_owned(), String::new()));
}
