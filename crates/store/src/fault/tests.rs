//! What the client library's errors are taken for.

use surrealdb::types::{AuthError, Error, NotAllowedError, NotFoundError, QueryError};

use super::{Fault, TEXT_MAX, THROWN_OTHER};

fn internal(text: &str) -> Error {
    Error::internal(text.into())
}

#[test]
fn errors() {
    let conflict = "Transaction conflict: write conflict. This transaction can be retried";
    assert_eq!(Fault::of(&internal(conflict)), Fault::Conflict);
    let reset = internal("connection reset");
    assert_eq!(Fault::of(&reset), Fault::Broken("connection reset".into()));
    let storage =
        "There was a problem with the key-value store: Connection to storage backend failed";
    assert_eq!(Fault::of(&internal(storage)), Fault::Broken(storage.into()));
    let auth = NotAllowedError::Auth(AuthError::InvalidAuth);
    assert_eq!(Fault::of(&Error::not_allowed("no".into(), auth)), Fault::Refused);
    let table = NotFoundError::Table { name: "message".into() };
    assert_eq!(Fault::of(&Error::not_found("no".into(), table)), Fault::Other);
    let unsaid = Error::not_found("The table 'message' does not exist".into(), None);
    assert_eq!(Fault::of(&unsaid), Fault::Other);
    assert_eq!(Fault::of(&Error::thrown(format!("error: {THROWN_OTHER}"))), Fault::Other);
    let other = Fault::of(&internal("something"));
    assert_eq!(other, Fault::Rejected { kind: "Internal", what: "something".into() });
}

#[test]
fn of_several_the_telling_one_counts() {
    let skipped = Error::query("not executed".into(), QueryError::NotExecuted);
    let conflict = internal("Transaction conflict: x. This transaction can be retried");
    assert_eq!(Fault::of_all([&skipped, &conflict, &skipped]), Some(Fault::Conflict));
    let validation = Error::validation("bad".into(), None);
    let expected = Fault::Rejected { kind: "Validation", what: "bad".into() };
    assert_eq!(Fault::of_all([&skipped, &validation]), Some(expected));
    assert_eq!(Fault::of_all([]), None);
}

#[test]
fn no_value_of_a_row_is_kept() {
    let check = |said: &str, kept: &str| {
        for error in [internal(said), Error::validation(said.into(), None)] {
            let Fault::Rejected { what, .. } = Fault::of(&error) else { panic!("it is refused") };
            assert_eq!(what, kept);
        }
    };
    check("Found 'a secret' for field `body`, but expected an int", "Found…");
    check("Found { body: 'a secret' } for field", "Found…");
    check("Database record `message:['thr_1', 2]` already exists", "Database record…");
    check("Cannot perform addition with 12345 and NONE", "Cannot perform addition with…");
    check("You don't have permission", "You don…");
    check(
        "Not enough permissions to perform this action",
        "Not enough permissions to perform this action",
    );
}

#[test]
fn what_keeps_from_connecting_is_said_whole() {
    let said = "Database at '/state/store' is already locked by process 12";
    assert_eq!(Fault::of_connecting(&internal(said)), Fault::Broken(said.into()));
}

#[test]
fn a_long_text_is_cut() {
    let Fault::Rejected { what, .. } = Fault::of(&internal(&"ü".repeat(1000))) else {
        panic!("it is refused");
    };
    assert_eq!(what.chars().count(), TEXT_MAX);
}
