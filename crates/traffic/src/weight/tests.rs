//! Shares as they are given and shown.

use super::*;

#[test]
fn shares_are_shown_in_per_cent() {
    for (percent, shown) in [(0.0, "0 %"), (10.0, "10 %"), (12.5, "12.5 %"), (0.07, "0.07 %")] {
        let weight = Weight::from_percent(percent).unwrap();
        assert_eq!(weight.to_string(), shown);
        assert_eq!(Weight::from_basis_points(weight.basis_points()), Some(weight));
    }
    assert_eq!(Weight::from_percent(100.0), Ok(Weight::ALL));
}

#[test]
fn what_is_no_share_is_refused() {
    for percent in [-0.1, 100.01, f64::NAN, f64::INFINITY] {
        assert!(matches!(Weight::from_percent(percent), Err(WeightError::OutOfRange(_))));
    }
    assert_eq!(Weight::from_percent(0.125), Err(WeightError::TooFine(0.125)));
    assert_eq!(Weight::from_basis_points(10_001), None);
}
