//! Approvals and decisions: signed by a key that the plan gives the role, about this plan, over this
//! journal. Each way to do it otherwise is refused by its name.

use conductor::{Event, Journal, JournalError, Refused, State};
use evidence::{Choice, Decision, Envelope, Hash, LogState, Predicate, Redactor};
use guard::Verdict;
use runbook::{Mode, Options, plan};

use super::cast::{Running, document, judged, key, planned};

fn gated() -> Running {
    let mut run = Running::begin(planned(Mode::Rehearsal));
    run.step("G1", Verdict::Pass, Vec::new());
    run
}

fn signature(name: &str) -> Refused {
    Refused::Signature { role: "lead".into(), key: key(name).verifier().key_id() }
}

fn signed(decision: Decision) -> Event {
    Event::signed(decision, &key("bo")).unwrap()
}

#[test]
fn a_plan_is_approved_and_gone_on_with_by_the_role_s_key() {
    let mut run = gated();
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    run.follow(run.by_lead(Choice::Go), Vec::new());
    assert_eq!(run.state.phase(), conductor::Phase::Go);
    run.follow(run.by_lead(Choice::Hold), Vec::new());
    assert_eq!(run.state.phase(), conductor::Phase::Hold);
}

#[test]
fn another_key_is_none_of_the_role_s() {
    let run = gated();
    let approval = run.decision(Choice::Approve);
    for name in ["mallory", "ana"] {
        let event = Event::signed(approval.clone(), &key(name)).unwrap();
        assert_eq!(run.refused(&event), signature(name));
    }
    // One that says it was the lead's, and one to which another signature was added.
    let forged = Event::signed(approval.clone(), &key("mallory")).unwrap();
    let Event::Signed { envelope, role } = forged else { panic!("it is signed") };
    let ids = [key("mallory").verifier().key_id(), key("bo").verifier().key_id()];
    let text = serde_json::to_string(&envelope).unwrap().replace(&ids[0], &ids[1]);
    let envelope: Envelope = serde_json::from_str(&text).unwrap();
    assert_eq!(run.refused(&Event::Signed { role: role.clone(), envelope }), signature("bo"));
    let Event::Signed { envelope, .. } = signed(approval) else { panic!("it is signed") };
    let envelope = envelope.signed(&key("mallory")).unwrap();
    assert_eq!(run.refused(&Event::Signed { role, envelope }), signature("mallory"));
}

#[test]
fn who_signs_twice_is_one_and_refused() {
    let run = gated();
    let Event::Signed { role, envelope } = run.by_lead(Choice::Approve) else { panic!("signed") };
    // The very same signature once more.
    let mut json = serde_json::to_value(&envelope).unwrap();
    let same = json["signatures"][0].clone();
    json["signatures"].as_array_mut().unwrap().push(same);
    let envelope = serde_json::from_value(json).unwrap();
    let twice = Refused::SignedTwice(key("bo").verifier().key_id());
    assert_eq!(run.refused(&Event::Signed { role, envelope }), twice);
}

#[test]
fn who_has_a_key_signs() {
    let run = gated();
    let (role, person) = ("lead".to_owned(), "Bo Lind".to_owned());
    let plan = run.plan.digest().unwrap();
    let approved = Event::Approved { role: role.clone(), person: person.clone(), plan };
    assert_eq!(
        run.refused(&approved),
        Refused::Unsigned { role: role.clone(), person: person.clone() }
    );
    let reason = "so".to_owned();
    let choice = Choice::Hold;
    let decided =
        Event::Decided { choice, role: role.clone(), person: person.clone(), reason, about: None };
    assert_eq!(run.refused(&decided), Refused::Unsigned { role: role.clone(), person });
    let predicate = Predicate::Decision(run.decision(Choice::Approve));
    let subject = vec![evidence::Resource::of_sha256("journal", run.seen().root)];
    let payload = serde_json::to_vec(&predicate.about(subject).unwrap()).unwrap();
    let envelope = Envelope::new(evidence::IN_TOTO_PAYLOAD_TYPE, &payload);
    let nobody = Refused::Signature { role: role.clone(), key: "nobody".into() };
    assert_eq!(run.refused(&Event::Signed { role, envelope }), nobody);
}

#[test]
fn every_changed_byte_of_what_was_signed_is_found() {
    let run = gated();
    let Event::Signed { role, envelope } = run.by_lead(Choice::Approve) else { panic!("signed") };
    let payload = envelope.payload().unwrap();
    for at in 0..payload.len() {
        let mut changed = payload.clone();
        changed[at] ^= 1;
        let mut json = serde_json::to_value(&envelope).unwrap();
        json["payload"] = data_encoding::BASE64.encode(&changed).into();
        let envelope = serde_json::from_value(json).unwrap();
        let refused = run.refused(&Event::Signed { role: role.clone(), envelope });
        assert_eq!(refused, signature("bo"), "byte {at}");
    }
}

#[test]
fn it_is_for_one_plan_one_run_one_role_and_one_journal() {
    let run = gated();
    let approval = run.decision(Choice::Approve);
    let other = |change: &dyn Fn(&mut Decision)| {
        let mut decision = approval.clone();
        change(&mut decision);
        run.refused(&signed(decision))
    };
    assert_eq!(other(&|it| it.plan = Some(Running::other_plan())), Refused::OtherPlan);
    let unplanned = other(&|it| (it.plan, it.decision) = (None, Choice::Hold));
    assert_eq!(unplanned, Refused::OtherPlan);
    assert!(matches!(other(&|it| it.plan = None), Refused::Statement(_)));
    assert_eq!(other(&|it| it.log.origin = "example.com/runs/8".into()), Refused::OtherLog);
    assert_eq!(other(&|it| it.log.root = Hash::of(b"rewritten")), Refused::OtherLog);
    assert_eq!(other(&|it| it.log.size += 1), Refused::OtherLog);
    let Event::Signed { envelope, .. } = run.by_lead(Choice::Approve) else { panic!("signed") };
    // The operator has another key.
    let as_operator = Event::Signed { role: "operator".into(), envelope };
    assert!(matches!(run.refused(&as_operator), Refused::Signature { .. }));
    let mut decision = approval.clone();
    decision.role = "operator".into();
    let Event::Signed { envelope, .. } = signed(decision) else { panic!("signed") };
    let as_lead = Event::Signed { role: "lead".into(), envelope };
    assert_eq!(run.refused(&as_lead), Refused::Role("operator".into()));
    let mut twice = gated();
    let event = twice.by_lead(Choice::Hold);
    twice.follow(event.clone(), Vec::new());
    assert_eq!(twice.refused(&event), Refused::Repeated);
}

#[test]
fn who_lets_it_go_on_has_seen_what_speaks_against_it() {
    let mut run = Running::begin(planned(Mode::Rehearsal));
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    let early = run.by_lead(Choice::Go);
    run.step("G1", Verdict::Pass, Vec::new());
    assert_eq!(run.refused(&early), Refused::Stale { seen: 2, needed: 4 });
    let go = run.by_lead(Choice::Go);
    run.follow(judged(Verdict::Pass, "So."), Vec::new());
    // What only confirms does not have to be seen.
    run.follow(go, Vec::new());
    let before = run.by_lead(Choice::Go);
    run.follow(judged(Verdict::Error, "So."), Vec::new());
    assert_eq!(run.state.phase(), conductor::Phase::Hold);
    assert!(matches!(run.refused(&before), Refused::Stale { .. }));
}

#[test]
fn who_lets_it_go_on_has_seen_that_it_holds_or_was_resumed() {
    let mut run = gated();
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    let (go, waive) = (run.by_lead(Choice::Go), run.by_lead(Choice::Waive));
    let hold = run.by_lead(Choice::Hold);
    // The hold was signed over the same entries as the others, and it stands where it is written.
    run.follow(hold, Vec::new());
    for event in [&go, &waive] {
        assert_eq!(run.refused(event), Refused::Stale { seen: 4, needed: 5 });
    }
    let go = run.by_lead(Choice::Go);
    run.follow(Event::Resumed { torn_bytes: 0 }, Vec::new());
    assert_eq!(run.refused(&go), Refused::Stale { seen: 5, needed: 6 });
    run.follow(run.by_lead(Choice::Go), Vec::new());
}

#[test]
fn a_hold_without_a_key_counts_as_well() {
    let text = document().replace("  lead:", "  watch: Di\n  lead:");
    let mut run = Running::begin(plan(&text, &Options::default()).plan.unwrap());
    run.step("G1", Verdict::Pass, Vec::new());
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    let go = run.by_lead(Choice::Go);
    let (choice, role, person) = (Choice::Hold, "watch".into(), "Di".into());
    let held = Event::Decided { choice, role, person, reason: "so".into(), about: None };
    run.follow(held, Vec::new());
    assert!(matches!(run.refused(&go), Refused::Stale { .. }));
}

/// The small runbook for production, where somebody has to decide.
fn production() -> runbook::Plan {
    let decided = "1. Decide. <!-- run: decision id=D1 owner=lead -->\n2. Set `MODE=new`.";
    let document = document().replace("1. Set `MODE=new`.", decided);
    let options = Options { mode: Some(Mode::Production), environment: None };
    let planned = plan(&document, &options);
    planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems))
}

#[test]
fn in_production_who_carries_it_out_does_not_approve_alone() {
    let mut run = Running::begin(production());
    run.vouched("G1", "bo");
    let mut own = run.decision(Choice::Approve);
    own.role = "operator".into();
    run.follow(Event::signed(own, &key("ana")).unwrap(), Vec::new());
    assert_eq!(run.refused(&run.by_lead(Choice::Go)), Refused::NotApproved);
    run.follow(run.by_lead(Choice::Approve), Vec::new());
    for choice in [Choice::Go, Choice::Waive] {
        let mut own = run.decision(choice);
        own.role = "operator".into();
        assert_eq!(run.refused(&Event::signed(own, &key("ana")).unwrap()), Refused::OwnWork);
    }
    run.follow(run.by_lead(Choice::Go), Vec::new());
}

#[test]
fn the_key_of_who_carries_it_out_is_theirs_under_each_name() {
    let mut plan = production();
    let lead = plan.roles.iter_mut().find(|role| role.role == "lead").unwrap();
    lead.people[0].key = Some(key("ana").verifier().clone());
    let mut run = Running::begin(plan);
    run.vouched("G1", "ana");
    let by_ana = |run: &Running, choice| Event::signed(run.decision(choice), &key("ana")).unwrap();
    run.follow(by_ana(&run, Choice::Approve), Vec::new());
    assert_eq!(run.refused(&by_ana(&run, Choice::Go)), Refused::OwnWork);
}

#[test]
fn what_is_signed_has_to_be_a_decision() {
    let run = gated();
    let predicate = Predicate::TestResult(evidence::TestResult {
        result: evidence::Outcome::Passed,
        configuration: Vec::new(),
        url: None,
        passed_tests: vec!["G1".into()],
        warned_tests: Vec::new(),
        failed_tests: Vec::new(),
    });
    let subject = vec![run.plan.resource().unwrap()];
    let envelope = predicate.about(subject).unwrap().signed(&key("bo")).unwrap();
    let refused = run.refused(&Event::Signed { role: "lead".into(), envelope });
    assert_eq!(refused, Refused::Statement("it is a test result PASSED".into()));
    let envelope = Envelope::new("text/plain", b"GO").signed(&key("bo")).unwrap();
    let refused = run.refused(&Event::Signed { role: "lead".into(), envelope });
    assert_eq!(refused, Refused::Statement("it is of the type \"text/plain\"".into()));
    // A decision that was signed as something else is not signed as one.
    let Event::Signed { role, envelope } = run.by_lead(Choice::Approve) else { panic!("signed") };
    let payload = envelope.payload().unwrap();
    let as_text = Envelope::new("text/plain", &payload).signed(&key("bo")).unwrap();
    let json = serde_json::to_string(&as_text).unwrap();
    let envelope = json.replace("text/plain", evidence::IN_TOTO_PAYLOAD_TYPE);
    let envelope = serde_json::from_str(&envelope).unwrap();
    assert_eq!(run.refused(&Event::Signed { role, envelope }), signature("bo"));
}

#[test]
fn a_journal_with_what_somebody_else_signed_is_not_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run.journal");
    let plan = planned(Mode::Rehearsal);
    let at = "2026-02-07T10:00:00Z".parse().unwrap();
    let state = || State::new(&plan).unwrap();
    let mut journal = Journal::start(&path, Redactor::default(), state()).unwrap();
    let (digest, mode) = (plan.digest().unwrap(), plan.mode);
    let begun = Event::begun("example.com/runs/7", digest, mode);
    journal.append(at, begun, Vec::new()).unwrap();
    let log: LogState = journal.log_state();
    let approval = Decision {
        role: "lead".into(),
        decision: Choice::Approve,
        reason: "so".into(),
        about: None,
        plan: Some(plan.resource().unwrap()),
        log,
    };
    let good = Event::signed(approval.clone(), &key("bo")).unwrap();
    let bad = Event::signed(approval, &key("mallory")).unwrap();
    let refused = journal.append(at, bad.clone(), Vec::new()).unwrap_err();
    assert!(matches!(refused, JournalError::Refused { line: 2, .. }), "{refused}");
    journal.append(at, good, Vec::new()).unwrap();
    drop(journal);
    assert!(Journal::resume(&path, Redactor::default(), state(), at).is_ok());
    // Somebody who writes the file by hand.
    let bytes = std::fs::read(&path).unwrap();
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let tip = conductor::read(&bytes[..first]).unwrap().tip;
    let (line, _) = conductor::encode(tip, &conductor::Entry::new(at.to_string(), bad)).unwrap();
    std::fs::write(&path, [&bytes[..first], &line].concat()).unwrap();
    let refused = Journal::resume(&path, Redactor::default(), state(), at).unwrap_err();
    let JournalError::Refused { line: 2, source } = refused else { panic!("{refused}") };
    assert_eq!(source, signature("mallory"));
}
