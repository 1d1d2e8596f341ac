//! A table of filters and names.

use super::{FILTER_PATTERNS_MAX, Filter, FilterError};

#[test]
fn a_filter_wants_what_its_patterns_say() {
    let check = |filter: &str, wanted: &[&str], unwanted: &[&str]| {
        let parsed: Filter = filter.parse().expect(filter);
        let wants = |name: &&&str| parsed.wants(&name.parse().expect("a name"));
        assert!(wanted.iter().all(|name| wants(&name)), "{filter} wants all of {wanted:?}");
        assert!(!unwanted.iter().any(|name| wants(&name)), "{filter} wants none of {unwanted:?}");
    };
    check("action.created", &["action.created"], &["action.create", "action.created2", "action"]);
    check("action.*", &["action.created", "action."], &["action", "actions.x", "signal"]);
    check("action*", &["action", "actions.x"], &["act"]);
    check("*", &["a", "anything.at_all-0"], &[]);
    check("a.*,signal.detected", &["a.b", "signal.detected"], &["b.a", "signal.lost"]);
    check("a,a,a*", &["a", "ab"], &["b"]);
}

#[test]
fn what_is_no_pattern_is_refused_with_its_text() {
    for text in ["", ",", "a,", "A", "a b", "*a", "a*b*", "a**", "é", ".a", "connected", "a\n"] {
        let refused = text.parse::<Filter>();
        assert!(matches!(refused, Err(FilterError::Pattern(_))), "{text:?}: {refused:?}");
    }
    let long = "a".repeat(65);
    assert_eq!(long.parse::<Filter>(), Err(FilterError::Pattern("a".repeat(64))));
    assert!(format!("{}*", "a".repeat(64)).parse::<Filter>().is_ok());
    assert!(format!("{long}*").parse::<Filter>().is_err());
}

#[test]
fn a_filter_has_so_many_patterns_and_no_more() {
    let list = |count| vec!["a"; count].join(",");
    assert!(list(FILTER_PATTERNS_MAX).parse::<Filter>().is_ok());
    assert_eq!(list(FILTER_PATTERNS_MAX + 1).parse::<Filter>(), Err(FilterError::TooMany));
}
