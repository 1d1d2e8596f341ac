//! Texts that stand in a statement are texts, whatever is in them.

use super::{Query, literal};
use crate::statement::Statement;

#[test]
fn a_literal_has_nothing_that_could_end_it() {
    for text in ["", "abc1", "a'b\"c\\d`e$f\n\u{0}", "\u{1f30a} ⟨x⟩", "\\u{27}", "/*x*/ -- #"] {
        let mut out = String::new();
        literal(text, &mut out);
        let inner = out.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let inner = inner.expect("it stands in quotes");
        let plain = |c: char| c.is_ascii_alphanumeric() || "\\{}".contains(c);
        assert!(inner.chars().all(plain), "{out}");
    }
}

#[test]
fn texts_of_a_condition_are_put_in_once_and_numbers_stay_bound() {
    let query = Query::of(Statement::ListThreads)
        .bind("org", "$scope".to_owned())
        .bind("scope", "s".to_owned())
        .bind("after", String::new())
        .bind("limit", 3_i64);
    let sent = query.parts().join("; ");
    let condition = sent.split_once("WHERE ").expect("it has a condition").1;
    let wanted = r#"org_id = "\u{24}scope" AND scope_id = "s" AND thread_id > "" LIMIT $limit"#;
    assert_eq!(condition, wanted);
}
