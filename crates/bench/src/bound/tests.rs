//! Verdicts and the spread of runs.

use serde_json::json;

use super::*;

#[test]
fn a_bound_is_met_on_its_edge_and_missed_beyond() {
    let check = |value: f64, bound: Bound, text: &str, holds: bool| {
        let verdict = Verdict::of("transactions/s", value, bound);
        assert_eq!((verdict.to_string().as_str(), verdict.holds()), (text, holds));
    };
    let least = Bound::AtLeast(20_000.0);
    check(20_000.0, least, "PASS  20,000 transactions/s, to be at least 20,000", true);
    check(19_999.0, least, "BELOW 19,999 transactions/s, to be at least 20,000", false);
    let most = Bound::AtMost(5.0);
    check(5.0, most, "PASS  5.00 transactions/s, to be at most 5.00", true);
    check(5.1, most, "ABOVE 5.10 transactions/s, to be at most 5.00", false);
    check(f64::NAN, most, "ABOVE NaN transactions/s, to be at most 5.00", false);
}

#[test]
fn a_series_shows_its_median_and_its_spread() {
    let mut series = Series::new("seconds", "s");
    assert!(!series.judge(Bound::AtMost(5.0)).holds(), "nothing was measured");
    series.push(2.0);
    assert_eq!(series.to_string(), "          2.00 s");
    series.push(30.0);
    series.push(1.0);
    assert_eq!(series.to_string(), "          2.00 s (1.00 to 30.0)");
    assert!(series.judge(Bound::AtMost(5.0)).holds());
}

#[test]
fn a_document_has_the_words_that_people_read() {
    let verdict = Verdict::of("s", 7.0, Bound::AtMost(5.0));
    let expected = json!({"what": "s", "value": 7.0, "bound": {"at_most": 5.0}, "word": "ABOVE"});
    assert_eq!(json!(verdict), expected);
}
