//! Statements that are signed as they have to be, and contradict the log, the plan or themselves.

use evidence::{
    Choice, Contents, Decision, Fault, Hash, Outcome, Predicate, Recorder, Redactor, Rehearsal,
    Report, Resource, Signer, TestResult,
};
use serde_json::json;

use super::{
    falsified::{entry, found, whole},
    made::{Cast, ORIGIN, at, check, contents, decision, gate, image, run, sign},
};

/// Adds what somebody says, and returns what is found.
fn said(cast: &Cast, predicate: &Predicate, (role, signer): (&str, &Signer)) -> Report {
    let mut log = run(cast);
    let subject = match predicate {
        Predicate::Decision(decision) => vec![Resource::of_sha256("log", decision.log.root)],
        _ => image(),
    };
    let envelope = sign(predicate, subject, signer);
    log.statement(at(5), role, envelope, Vec::new()).unwrap();
    log.close(at(9)).unwrap();
    check(cast, &contents(cast, &log))
}

fn decided_so(cast: &Cast, choice: Choice, change: impl FnOnce(&mut Decision)) -> Report {
    let (predicate, _) = decision(choice, run(cast).state(), "release-manager");
    let Predicate::Decision(mut decision) = predicate else { panic!("a decision") };
    change(&mut decision);
    said(cast, &Predicate::Decision(decision), ("release-manager", &cast.alice))
}

#[test]
fn w29_an_approval_is_of_another_plan() {
    let cast = Cast::new();
    let report = decided_so(&cast, Choice::Approve, |_| {});
    assert!(report.is_sound(), "{:?}", report.findings);
    assert_eq!(report.plan, Some(Hash::of(b"the plan")));
    let other = Hash::of(b"another plan");
    for choice in [Choice::Approve, Choice::Go, Choice::Hold] {
        let report = decided_so(&cast, choice, |decision| {
            decision.plan = Some(Resource::of_sha256("plan", other));
        });
        found(&report, &entry(5), &Fault::Plan(other));
    }
    // The log's own records say which one it is of, before anybody signs.
    for (name, data) in
        [("begun", json!({"run": "x", "plan": other})), ("whatever", json!({"plan": other}))]
    {
        let mut log = Recorder::new(ORIGIN, Redactor::default()).unwrap();
        log.record(at(0), name, &data, Vec::new()).unwrap();
        let (predicate, subject) = decision(Choice::Approve, log.state(), "release-manager");
        let envelope = sign(&predicate, subject, &cast.alice);
        log.statement(at(1), "release-manager", envelope, Vec::new()).unwrap();
        log.close(at(2)).unwrap();
        let report = check(&cast, &contents(&cast, &log));
        found(&report, &entry(1), &Fault::Plan(Hash::of(b"the plan")));
        assert_eq!(report.plan, Some(other));
    }
    // So does the output with its text.
    let mut log = Recorder::new(ORIGIN, Redactor::default()).unwrap();
    let text = log.output("plan", b"another text");
    log.record(at(0), "plan", &json!({"plan": other}), vec![text]).unwrap();
    log.close(at(1)).unwrap();
    let report = check(&cast, &contents(&cast, &log));
    found(&report, &entry(0), &Fault::Plan(Hash::of(b"another text")));
    // And a gate's result is one of it.
    let Predicate::TestResult(mut result) = gate(true) else { panic!("a result") };
    result.configuration = vec![Resource::of_sha256("plan", other)];
    let report = said(&cast, &Predicate::TestResult(result), ("conductor", &cast.log));
    found(&report, &entry(5), &Fault::Plan(other));
}

/// Returns the report of a log with one record, whose data are this text.
fn recorded(cast: &Cast, data: &str) -> Report {
    let mut log = Recorder::new(ORIGIN, Redactor::default()).unwrap();
    let data: Box<serde_json::value::RawValue> = serde_json::from_str(data).unwrap();
    log.record(at(0), "begun", &data, Vec::new()).unwrap();
    log.close(at(1)).unwrap();
    check(cast, &contents(cast, &log))
}

#[test]
fn w32_a_record_names_its_plan_so_that_it_is_none() {
    let cast = Cast::new();
    let digest = Hash::of(b"the plan").to_string();
    for plan in [
        format!("{{\"plan\":\"{}\"}}", digest.to_uppercase()),
        format!("{{\"plan\":\"sha256:{digest}\"}}"),
        format!("{{\"plan\":\"{}\"}}", &digest[..63]),
        format!("{{\"plan\":\"{digest}\",\"pl\\u0061n\":\"{digest}\"}}"),
        "{\"plan\":null}".to_owned(),
        format!("{{\"plan\":[\"{digest}\"]}}"),
    ] {
        found(&recorded(&cast, &plan), &entry(0), &Fault::PlanDigest);
    }
    let whole = format!("{{\"plan\":\"{digest}\",\"digest\":5,\"run\":\"x\"}}");
    let report = recorded(&cast, &whole);
    assert_eq!((report.findings, report.plan), (Vec::new(), Some(Hash::of(b"the plan"))));
    for other in ["[1]", "5", "null", "\"plan\"", "{\"plans\":1}"] {
        let report = recorded(&cast, other);
        assert_eq!((report.findings, report.plan), (Vec::new(), None), "{other}");
    }
}

#[test]
fn w33_a_decision_was_given_over_nothing() {
    let cast = Cast::new();
    let empty = Recorder::new(ORIGIN, Redactor::default()).unwrap().state();
    let whats = |report: &Report| -> Vec<String> {
        assert_eq!(report.findings, []);
        report.items.iter().map(|item| item.what.clone()).collect()
    };
    // What its signer can't have seen is said beside what was decided.
    let report = decided_so(&cast, Choice::Go, |it| (it.log, it.plan) = (empty, None));
    let told = "decision GO: all gates passed as release-manager, over 0 of the 5 entries before it, \
                of no plan";
    assert!(whats(&report).iter().any(|what| what == told), "{:?}", report.items);
    let report = decided_so(&cast, Choice::Hold, |_| {});
    let told = "decision HOLD: all gates passed as release-manager, over 5 of the 5 entries before \
                it, of the plan";
    assert!(whats(&report).iter().any(|what| what == told), "{:?}", report.items);
    let report = decided_so(&cast, Choice::Attest, |it| it.about = Some("T-10".into()));
    let is_told = |what: &String| what.starts_with("decision ATTEST of T-10: all gates passed as ");
    assert!(whats(&report).iter().any(is_told), "{:?}", report.items);
    // And so of a gate, in the log of a plan.
    let Predicate::TestResult(mut result) = gate(true) else { panic!("a result") };
    result.configuration = Vec::new();
    let report = said(&cast, &Predicate::TestResult(result), ("conductor", &cast.log));
    let whats = whats(&report);
    assert!(whats.contains(&"test result PASSED as conductor, of no plan".to_owned()), "{whats:?}");
    assert!(whats.contains(&"test result PASSED as conductor".to_owned()));
}

#[test]
fn w30_a_decision_contradicts_itself() {
    let cast = Cast::new();
    let told = |report: &Report, why: &str| {
        let text = format!("it is no predicate of its type: {why}");
        found(report, &entry(5), &Fault::Statement(text));
    };
    assert!(decided_so(&cast, Choice::Waive, |it| it.about = Some("G2".into())).is_sound());
    let report = decided_so(&cast, Choice::Waive, |_| {});
    told(&report, "a WAIVE, an ATTEST or a DENY names what it is about");
    let report = decided_so(&cast, Choice::Attest, |_| {});
    told(&report, "a WAIVE, an ATTEST or a DENY names what it is about");
    let report = decided_so(&cast, Choice::Approve, |it| it.plan = None);
    told(&report, "an APPROVE names the plan that is approved of");
    for digest in ["", "ab", &"A".repeat(64)] {
        let report = decided_so(&cast, Choice::Go, |it| {
            let digest = [("sha256".to_owned(), digest.to_owned())];
            it.plan = Some(Resource { digest: digest.into(), ..Resource::default() });
        });
        told(&report, "a plan is named by its SHA-256, 64 lower-case hexadecimal digits");
    }
    for result in [Outcome::Passed, Outcome::Warned] {
        let Predicate::TestResult(failed) = gate(false) else { panic!("a result") };
        let passed = Predicate::TestResult(TestResult { result, ..failed });
        let report = said(&cast, &passed, ("conductor", &cast.log));
        told(&report, "tests failed, and the result is not FAILED");
    }
    let rehearsal = Predicate::Rehearsal(Rehearsal {
        role: "operator".into(),
        result: Outcome::Passed,
        configuration: image(),
        expires: "tomorrow".into(),
        detail: serde_json::Map::new(),
    });
    let report = said(&cast, &rehearsal, ("operator", &cast.bob));
    told(&report, "a rehearsal counts until a time of RFC 3339 in UTC");
}

#[test]
fn w31_a_log_with_an_end_is_said_to_go_on() {
    let (cast, contents) = whole();
    let endless = Recorder::resume(ORIGIN, Redactor::default(), contents.entries.as_ref().unwrap());
    let endless = endless.unwrap().without_end().checkpoint(&cast.log).unwrap();
    let report = check(&cast, &Contents { checkpoint: Some(endless.into()), ..contents });
    found(&report, "checkpoint", &Fault::Endless);
}
