//! What production asks for beyond the other modes: people, keys, approvers, a way back in time.

use runbook::{Mode, Options, Weight, lint, plan};

const STEP22: &str = include_str!("../../../../runbooks/step22-production-cutover.run.md");

fn production() -> Options {
    Options { mode: Some(Mode::Production), environment: None }
}

/// Names people in every role, the same key for each but their own names.
fn staffed(people: &[(&str, &str)]) -> String {
    let mut text = STEP22.to_owned();
    for (number, (role, person)) in (1..).zip(people) {
        let name = format!("example.com/{role}").parse().unwrap();
        let key = evidence::Signer::from_seed(name, [number; 32]).unwrap();
        let line = format!("  {role}: {person} {}\n", key.verifier());
        text = text.replace(&format!("  {role}: <{role}>\n"), &line);
    }
    text
}

const PEOPLE: [(&str, &str); 6] = [
    ("release-operator", "Ana"),
    ("qa-owner", "Bo"),
    ("release-manager", "Cy"),
    ("ops-lead", "Di"),
    ("oncall-ops", "Ed"),
    ("project-owner", "Flo"),
];

#[test]
fn placeholders_are_refused() {
    let problems = lint(STEP22, &production());
    let line = "line 13: the role `release-manager` is still the placeholder <release-manager>";
    assert!(problems.iter().any(|problem| problem.to_string() == line), "{problems:#?}");
    assert!(plan(STEP22, &production()).plan.is_none());
    assert!(problems.iter().any(|problem| problem.rule == "key-missing"));
}

#[test]
fn with_people_and_keys_there_is_a_plan() {
    let planned = plan(&staffed(&PEOPLE), &production());
    assert_eq!(planned.problems, []);
    let plan = planned.plan.unwrap();
    assert!(plan.steps.iter().all(|step| step.carried_out));
    let people = || plan.roles.iter().flat_map(|role| &role.people);
    assert!(people().count() == 6 && people().all(|person| person.key.is_some()));
    assert!(plan.to_string().contains("  qa-owner: Bo (example.com/qa-owner+"), "{plan}");
}

#[test]
fn who_carries_out_does_not_approve_alone() {
    let mut people = PEOPLE;
    people[3].1 = "Cy";
    let problems = lint(&staffed(&people), &production());
    let rules: Vec<_> = problems.iter().map(|problem| problem.rule).collect();
    assert!(rules.contains(&"approver"), "{problems:#?}");
}

#[test]
fn a_key_makes_one_person_whatever_its_names() {
    let staffed = staffed(&PEOPLE);
    // The manager's key, which calls itself another one's, under the lead's name.
    let named = |name: &str, seed| {
        let name = format!("example.com/{name}").parse().unwrap();
        evidence::Signer::from_seed(name, [seed; 32]).unwrap().verifier().to_string()
    };
    let twice = staffed.replace(&named("ops-lead", 4), &named("ops-lead", 3));
    assert_ne!(twice, staffed);
    let problems = lint(&twice, &production());
    let found = problems.iter().find(|problem| problem.rule == "key-twice").unwrap();
    assert!(found.is_fault() && found.text.contains(" stands under Di too"), "{found}");
    let rehearsal = Options { mode: Some(Mode::Rehearsal), environment: None };
    assert!(plan(&twice, &rehearsal).plan.is_none());
    // One person in two roles has one key in both.
    let one = twice.replace(": Di ", ": Cy ");
    assert!(lint(&one, &rehearsal).iter().all(|problem| problem.rule != "key-twice"));
    // And so nobody else decides.
    assert!(problems.iter().any(|problem| problem.rule == "approver"), "{problems:#?}");
}

#[test]
fn who_changes_something_at_the_end_carries_the_run_out_too() {
    let text = staffed(&PEOPLE).replace("run: sign-off id=C1", "run: external class=once id=C1");
    let plan = plan(&text, &production()).plan.unwrap();
    let operators: Vec<_> = plan.operators().map(|person| person.name.as_str()).collect();
    assert_eq!(operators, ["Cy", "Ana"]);
    let alone =
        text.replace("T-10 | `<release-manager>` + `<ops-lead>`", "T-10 | `<release-operator>`");
    assert_ne!(alone, text);
    assert!(lint(&alone, &production()).iter().any(|problem| problem.rule == "approver"));
}

#[test]
fn a_trigger_does_not_decide_to_go_on() {
    let text = staffed(&PEOPLE);
    assert!(lint(&text, &production()).is_empty());
    let text = text
        .replace(
            "decision record <!-- run: decision after=T-60,T-30 -->",
            "decision record <!-- run: sign-off -->",
        )
        .replace("trigger record <!-- run: decision -->", "trigger record <!-- run: sign-off -->");
    assert!(text.contains("<!-- run: decision id=X2"));
    let problems = lint(&text, &production());
    let undecided = problems.iter().any(|problem| problem.text.contains("and nobody decides"));
    assert!(undecided, "{problems:#?}");
}

#[test]
fn what_is_changed_is_decided_by_somebody() {
    let redis = include_str!("../../../../runbooks/ws3-redis-cutover.run.md");
    let problems = lint(redis, &production());
    let line = "line 37: S1 changes something in production, and nobody decides: add a step with `run: decision`";
    assert!(problems.iter().any(|problem| problem.to_string() == line), "{problems:#?}");
}

#[test]
fn a_way_back_that_may_take_too_long_is_refused() {
    let late = staffed(&PEOPLE).replace("  rto: 30m\n", "  rto: 20m\n");
    let problems = lint(&late, &production());
    let line = "line 1: the way back may take 22m, the runbook promises 20m";
    assert!(problems.iter().any(|problem| problem.to_string() == line), "{problems:#?}");
    let rehearsed = Options { mode: Some(Mode::Rehearsal), environment: None };
    assert!(lint(&late, &rehearsed).iter().all(|problem| problem.weight == Weight::Warning));
}

#[test]
fn a_guard_that_sees_nothing_is_refused() {
    let text = include_str!("../../../../runbooks/runtime-cutover.run.md");
    let blind = text.replace("requests_per_second = 20", "requests_per_second = 0.01");
    let problems = lint(&blind, &production());
    let blind: Vec<_> = problems.iter().filter(|problem| problem.rule == "guard").collect();
    assert!(blind[0].is_fault() && blind[0].text.contains("can't see enough"), "{problems:#?}");
    let all = text.replace("weight_percent = 10", "weight_percent = 100");
    assert!(lint(&all, &production()).iter().any(|problem| problem.rule == "guard"));
    for (from, to) in [
        ("watch = \"S4\"\nstable", "watch = \"S3\"\nstable"),
        ("stable_rate = \"0.5%\"", "stable_rate = nan"),
        ("stable_rate = \"0.5%\"", "stable_rate = \"-1%\""),
        ("stable_rate = \"0.5%\"", "stable_rate = 0.005"),
        ("ratio = 4.0", "ratio = inf"),
        ("weight_percent = 10", "weight_percent = 0"),
        ("hold = \"30m\"", "hold = \"0s\""),
        ("pairs = 500", "pairs = 0"),
    ] {
        let indented = from.replace('\n', "\n  ");
        let broken = text.replacen(&indented, &to.replace('\n', "\n  "), 1);
        assert_ne!(broken, text, "{from}");
        assert!(plan(&broken, &Options::default()).plan.is_none(), "{to}");
    }
}
