//! What fields and times have to be.

use std::time::Duration;

use runbook::Assertion;
use serde_json::{Value, json};

use super::{TimeBound, faults, field};

#[test]
fn fields_are_found_by_their_paths() {
    let document =
        json!({"a": {"b": {"c": 1}, "x.y": {"z": true}}, "list": [{"n": "v"}], "d.e": 2});
    let check = |path: &str, expected: Option<Value>| {
        assert_eq!(field(&document, path).cloned(), expected, "{path}");
    };
    check("a.b.c", Some(json!(1)));
    check("a.x.y.z", Some(json!(true)));
    check("d.e", Some(json!(2)));
    check("list.0.n", Some(json!("v")));
    for missing in ["a.c", "a.b.c.d", "list.1", "list.n", "d", "a.", ".a"] {
        check(missing, None);
    }
}

#[test]
fn every_fault_of_a_document_is_said() {
    let document = json!({"status": "ok", "n": 3, "is": true, "none": null});
    let holds = |path: &str, is: &str| Assertion { path: path.into(), is: is.into() };
    let good = [holds("status", "ok"), holds("n", "3"), holds("is", "true"), holds("none", "null")];
    assert!(faults(&document, &good, &["n".into()]).is_empty());
    let bad = [holds("status", "bad"), holds("x.y", "1")];
    let said = faults(&document, &bad, &["z".into()]);
    let expected = [
        "`status` is `ok` and not `bad`",
        "`x.y` is not there; it has to be `1`",
        "`z` is not there",
    ];
    assert_eq!(said, expected);
}

#[test]
fn bounds_of_times_hold_or_not() {
    let check = |text: &str, ms: u64, holds: bool| {
        let bound = TimeBound::parse(text).unwrap();
        assert_eq!(bound.fault(Duration::from_millis(ms)).is_none(), holds, "{text} {ms}");
    };
    check("<= 1 s", 1000, true);
    check("< 1 s", 1000, false);
    check("≤ 1.5s", 1501, false);
    check("<=250 ms", 249, true);
    check("<= 1 min", 59_000, true);
    for text in ["<= 5%", "> 1 s", "1 s", "<= s", "<= -1 s", "<= 1", "<= 1 h"] {
        assert!(TimeBound::parse(text).is_err(), "{text}");
    }
}
