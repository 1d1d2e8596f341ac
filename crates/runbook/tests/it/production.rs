//! What production asks for beyond the other modes: people, keys, approvers, a way back in time.

use runbook::{Mode, Options, Severity, lint, plan};

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
fn what_passes_by_a_person_s_word_is_signed_by_one() {
    // Nobody but the one on call validates T+10, and has no key.
    let keyed = staffed(&PEOPLE);
    let line = keyed.lines().find(|line| line.starts_with("  oncall-ops: Ed ")).unwrap();
    let text = keyed.replace(line, "  oncall-ops: Ed");
    let told: Vec<_> = lint(&text, &production()).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["line 63: T+10 passes by the word of an owner, and none has a key"]);
    assert_eq!(lint(&text, &Options { mode: Some(Mode::Rehearsal), environment: None }).len(), 0);
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
    let line = "line 7: the way back may take 22m, the runbook promises 20m";
    assert!(problems.iter().any(|problem| problem.to_string() == line), "{problems:#?}");
    let rehearsed = Options { mode: Some(Mode::Rehearsal), environment: None };
    assert!(lint(&late, &rehearsed).iter().all(|problem| problem.severity == Severity::Warning));
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

/// A change that is decided before it, with a gate and a guard.
fn change() -> String {
    let key = |name: &str, seed| {
        let name = format!("example.com/{name}").parse().unwrap();
        evidence::Signer::from_seed(name, [seed; 32]).unwrap().verifier().to_string()
    };
    format!(
        "---
runbook:
  version: 1
  mode: production
  owner: op
  environment: eu
roles:
  op: Ana Ruiz {}
  lead: Bo Lind {}
---
# Title

## Gates <!-- run: section gates -->

| Gate ID | Check | Command / Evidence | Pass condition | Owner |
|---|---|---|---|---|
| G1 | Backup | seen | there | `<op>` <!-- run: sign-off --> |

## Steps <!-- run: section steps -->

1. Decide. <!-- run: decision id=D owner=lead -->
2. Set `A=1`. <!-- run: flag id=S1 -->

## Rollback <!-- run: section rollback -->

1. Set `A=0`. <!-- run: flag id=R1 -->

```toml guard
id = \"down\"
measure = \"down\"
source = \"http://h/health\"
within = \"1m\"
```
",
        key("ana", 1),
        key("bo", 2)
    )
}

/// Expects this of the change with another text in it, among others.
fn check(from: &str, to: &str, expected: &str) {
    let text = change();
    assert!(text.contains(from), "{from}");
    let problems = lint(&text.replace(from, to), &Options::default());
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|told| told == expected), "{expected}\n{told:#?}");
}

#[test]
fn placeholders_are_refused_wherever_they_stand() {
    assert_eq!(lint(&change(), &Options::default()), []);
    let value = "give it a value under `values`";
    let told = |what: &str, name: &str| format!("{what} has the placeholder <{name}>; {value}");
    check("http://h/", "http://<host>/", &told("line 28: the guard down", "host"));
    check(": eu", ": <env>", "line 6: the environment is still a placeholder");
    check(": eu", ": TBD", "line 6: the environment is still a placeholder");
    check("# Title", "# Cutover of <app>", "line 11: the title has the placeholder <app>");
    check("| Backup |", "| <check> |", &told("line 17: G1", "check"));
    check("| there |", "| <value> ms |", &told("line 17: G1", "value"));
    check("Decide.", "Decide on <cluster-name>.", &told("line 21: D", "cluster-name"));
    check(
        "Decide.",
        "On <your host>.",
        "line 21: D has the placeholder <your host>; write what it stands for",
    );
    for name in ["<release.manager>", "TBD", "todo", "?", "N/A"] {
        let told = format!("line 8: the role `op` is still the placeholder {name}");
        check("Ana Ruiz", name, &told);
    }
    for value in ["${X}", "$X", "{{x}}"] {
        let told = "line 22: S1 has a `$NAME` or a `{{ name }}`, which nothing fills in";
        check("`A=1`", &format!("`A={value}`"), told);
    }
    // A value fills a guard's source too, and a secret in it is one.
    let filled = change().replace("http://h/", "http://<host>/");
    let with = |value: &str| filled.replace("roles:", &format!("values:\n  host: {value}\nroles:"));
    let made = plan(&with("h"), &Options::default()).plan.unwrap();
    assert_eq!(made.guards[0].spec.source, "http://h/health");
    let problems = lint(&with("u:hunter2hunter2@h"), &Options::default());
    assert!(problems.iter().any(|it| it.rule == "secret" && it.line == 30), "{problems:?}");
}

#[test]
fn two_names_that_look_alike_are_one_person() {
    let told = "line 21: D is decided by nobody but those who carry the run out";
    for (one, other) in [
        ("Ana Ruiz", "ana RUIZ"),
        ("Ana Ruiz", "Ana  Ruiz"),
        ("Ana Ruiz", "Ana\u{a0}Ruiz"),
        ("Jos\u{e9}", "Jose\u{301}"),
    ] {
        let text = change().replace("Ana Ruiz", one).replace("Bo Lind", other);
        let problems = lint(&text, &Options::default());
        assert!(problems.iter().any(|it| it.to_string() == told), "{other} {problems:?}");
    }
    check(
        "Bo Lind",
        "Ana\u{200b} Ruiz",
        "line 9: the role `lead` is of Ana\\u{200b} Ruiz, whose name has something that can't be seen",
    );
}

#[test]
fn it_is_decided_before_anything_is_changed() {
    let decision = "1. Decide. <!-- run: decision id=D owner=lead -->\n";
    let text = change().replace(decision, "");
    let found = |text: &str| -> Vec<String> {
        let problems = lint(text, &Options::default());
        let told = problems.iter().filter(|it| it.rule == "approver");
        told.map(ToString::to_string).collect()
    };
    let told = "line 21: S1 changes something in production, and ";
    let nobody = [format!("{told}nobody decides: add a step with `run: decision`")];
    assert_eq!(found(&text), nobody);
    let change = "2. Set `A=1`. <!-- run: flag id=S1 -->\n";
    let behind = text.replace(change, &format!("{change}{decision}"));
    assert_eq!(found(&behind), [format!("{told}D decides behind it, on line 22")]);
    // Neither the way back nor the end is where it is decided to go on.
    let back = "1. Set `A=0`. <!-- run: flag id=R1 -->\n";
    assert_eq!(found(&text.replace(back, &format!("{back}{decision}"))), nobody);
    let end = format!("{text}\n## End <!-- run: section checklist -->\n\n{decision}");
    assert_eq!(found(&end), nobody);
}

#[test]
fn a_run_without_gates_or_guards_is_told_of() {
    let text = change();
    let cut = |from: &str, to: &str| {
        let (start, end) = (text.find(from).unwrap(), text.find(to).unwrap_or(text.len()));
        format!("{}{}", &text[..start], &text[end..])
    };
    let told = |line: usize, what: &str| {
        format!("line {line}: S1 changes something in production, and {what} (warning)")
    };
    for (text, told) in [
        (cut("## Gates", "## Steps"), told(16, "no gate has to pass before")),
        (cut("```toml", "nowhere"), told(22, "no guard watches the run")),
    ] {
        let problems = lint(&text, &Options::default());
        assert_eq!(problems.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
    }
}
