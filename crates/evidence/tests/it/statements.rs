//! Statements: the example that in-toto publishes, and our own types both ways.

use evidence::{Outcome, Predicate, PredicateError, Rehearsal, Resource, Statement};
use serde_json::{Map, json};

use super::made::{Cast, decision, gate, image, run};

#[test]
fn the_published_test_result_is_read() {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"gitCommit": "d20ace7968ba43c0219f62d71334c1095bab1602"}}],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": "PASSED",
            "configuration": [{
                "name": ".github/workflows/ci.yml",
                "downloadLocation": "https://github.com/in-toto/in-toto/blob/d20ace7/ci.yml",
                "digest": {"gitBlob": "ebe4add40f63c3c98bc9b32ff1e736f04120b023"}
            }],
            "url": "https://github.com/in-toto/in-toto/actions/runs/4425592351",
            "passedTests": ["build (3.7, ubuntu-latest, py)", "build (3.x, ubuntu-latest, lint)"],
            "warnedTests": [],
            "failedTests": []
        }
    });
    let statement: Statement = serde_json::from_str(&statement.to_string()).unwrap();
    let Predicate::TestResult(result) = Predicate::of(&statement).unwrap() else { panic!() };
    assert_eq!((result.result, result.passed_tests.len()), (Outcome::Passed, 2));
    assert_eq!(result.configuration[0].name.as_deref(), Some(".github/workflows/ci.yml"));
}

#[test]
fn what_is_written_is_read_again() {
    let cast = Cast::new();
    let rehearsal = Predicate::Rehearsal(Rehearsal {
        role: "conductor".to_owned(),
        result: Outcome::Passed,
        configuration: image(),
        expires: "2027-02-01T00:00:00Z".to_owned(),
        detail: Map::from_iter([("rto".to_owned(), json!(40))]),
    });
    let (go, subject) = decision(evidence::Choice::Go, run(&cast).state(), "release-manager");
    for (predicate, subject) in [(rehearsal, image()), (go, subject), (gate(false), image())] {
        let statement = predicate.about(subject).unwrap();
        let text = serde_json::to_string(&statement).unwrap();
        let again: Statement = serde_json::from_str(&text).unwrap();
        assert_eq!(Predicate::of(&again).unwrap(), predicate);
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }
}

#[test]
fn other_types_and_contents_are_not_understood() {
    let of = |kind: &str, predicate: serde_json::Value| {
        let text = json!({"_type": evidence::STATEMENT_TYPE, "subject": [], "predicateType": kind, "predicate": predicate});
        Predicate::of(&serde_json::from_str(&text.to_string()).unwrap())
    };
    assert_eq!(of("urn:x", json!({})), Err(PredicateError::Type("urn:x".to_owned())));
    for (kind, predicate) in [
        ("urn:tidegate:decision:v1", json!({"role": "r", "decision": "MAYBE"})),
        ("urn:tidegate:switch:v1", json!({"role": "r"})),
        ("urn:tidegate:rollback:v1", json!({"role": "r", "complete": 1})),
        ("https://in-toto.io/attestation/test-result/v0.1", json!({"result": "passed"})),
        ("urn:tidegate:switch:v1", json!(["r", "memory", "redis", "shadow", null, 1, null, {}])),
        (
            "https://in-toto.io/attestation/test-result/v0.1",
            json!({"result": "PASSED", "configuration": [["plan", null, {}]]}),
        ),
    ] {
        assert!(matches!(of(kind, predicate), Err(PredicateError::Content(_))), "{kind}");
    }
    assert!(Resource::of_sha256("x", evidence::Hash::of(b"1")).is_sha256(evidence::Hash::of(b"1")));
}
