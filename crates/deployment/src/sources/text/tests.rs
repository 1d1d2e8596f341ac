//! Texts of metrics, good ones and others.

use super::{Families, Selector, TextError, read};

const NOW: f64 = 1_700_000_000.0;

fn sum(text: &str, is_openmetrics: bool, selector: &str) -> Result<f64, TextError> {
    let selector = Selector::parse(selector).unwrap();
    read(text.as_bytes(), is_openmetrics, &[&selector.name], NOW)?.sum(&selector)
}

#[test]
fn sums_of_series_are_found() {
    let text = "# HELP http Requests\n# TYPE http counter\nhttp_total{class=\"2xx\",route=\"/a b\"} 7\n\
        http_total{route=\"/\\\"\\n\",class=\"5xx\",} 2.5\nother{x=\"\"} NaN\nplain 3e2\n\n\
        timed 4 1700000000123\n";
    let check =
        |selector: &str, expected: f64| assert_eq!(sum(text, false, selector), Ok(expected));
    check("http_total", 9.5);
    check("http_total{class=\"5xx\"}", 2.5);
    check("http_total{route=\"/a b\"}", 7.0);
    check("http_total{class=\"3xx\"}", 0.0);
    check("plain", 300.0);
    check("timed", 4.0);
}

#[test]
fn open_metrics_have_an_end() {
    let text = "# TYPE a counter\na_total 1 # {id=\"x\"} 0.5\na_created 1600000000.0\n# EOF\n";
    assert_eq!(sum(text, true, "a_total"), Ok(1.0));
    for at in 0..text.len() - "# EOF\n".len() {
        let cut = sum(&text[..at], true, "a_total");
        assert!(matches!(cut, Err(TextError::Cut | TextError::Line { .. })), "{at} {cut:?}");
    }
    assert_eq!(sum("a 1\nb 1", false, "a"), Err(TextError::Cut));
}

#[test]
fn a_family_without_series_is_zero_and_one_that_is_not_there_is_none() {
    let text = "# TYPE a counter\n# TYPE b histogram\n# EOF\n";
    assert_eq!(sum(text, true, "a_total{x=\"1\"}"), Ok(0.0));
    assert_eq!(sum(text, true, "b_sum"), Ok(0.0));
    assert_eq!(sum(text, true, "c_total"), Err(TextError::Missing("c_total".into())));
    assert_eq!(sum("", false, "a"), Err(TextError::Missing("a".into())));
    // A Tidegate leaves its own families out until they have a series.
    let text = "tidegate_build_info{version=\"1\"} 1\n# EOF\n";
    assert_eq!(sum(text, true, "tidegate_stream_ends_total"), Ok(0.0));
    let missing = Err(TextError::Missing("tidegate_ingest_drops_total".into()));
    assert_eq!(sum(text, true, "tidegate_ingest_drops_total"), missing);
    assert!(sum("# EOF\n", true, "tidegate_stream_ends_total").is_err());
}

#[test]
fn what_can_t_be_trusted_is_an_error() {
    let check = |text: &str, part: &str| {
        let said = sum(text, false, "a").unwrap_err().to_string();
        assert!(said.contains(part), "{text:?}: {said}");
    };
    check("a NaN\n", "`a` is NaN");
    check("a +Inf\n", "`a` is inf");
    check("a -1\n", "`a` is -1");
    check("a{x=\"1\"} 1\na{x=\"1\"} 1\n", "twice");
    check("a 1 1699999000000\n", "another time");
    check("a 1 1700009999000\n", "another time");
    check("a\n", "no value");
    check("a one\n", "no number");
    check("a 1 2 3\n", "behind it");
    check("a{x=1} 1\n", "no quotes");
    check("a{x=\"1} 1\n", "no end");
    check("a{x=\"\\t\"} 1\n", "escape");
    check("<html>\n", "no value");
    let long = format!("a{{x=\"{}\"}} 1\n", "y".repeat(70_000));
    check(&long, "too long");
    assert_eq!(read(b"a \xff\n", false, &["a"], NOW), Err(TextError::NoText));
    assert_eq!(read(b"b 1\n", false, &["a"], NOW), Ok(Families::default()));
}
