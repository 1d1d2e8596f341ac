//! Five runbooks as people wrote them, and their imports that people confirmed.

use runbook::{Options, import, lint, plan};

/// Name, the document as it was written, its confirmed import, and its plan as it is shown.
const KNOWN: [(&str, &str, &str, &str); 5] = [
    (
        "ws3-redis-cutover",
        include_str!("../golden/ws3-redis-cutover.md"),
        include_str!("../../../../runbooks/ws3-redis-cutover.run.md"),
        include_str!("../golden/ws3-redis-cutover.plan.txt"),
    ),
    (
        "ws3-sse-broker",
        include_str!("../golden/ws3-sse-broker.md"),
        include_str!("../../../../runbooks/ws3-sse-broker.run.md"),
        include_str!("../golden/ws3-sse-broker.plan.txt"),
    ),
    (
        "runtime-cutover",
        include_str!("../golden/runtime-cutover.md"),
        include_str!("../../../../runbooks/runtime-cutover.run.md"),
        include_str!("../golden/runtime-cutover.plan.txt"),
    ),
    (
        "rollback-rehearsal",
        include_str!("../golden/rollback-rehearsal.md"),
        include_str!("../../../../runbooks/rollback-rehearsal.run.md"),
        include_str!("../golden/rollback-rehearsal.plan.txt"),
    ),
    (
        "step22-production-cutover",
        include_str!("../golden/step22-production-cutover.md"),
        include_str!("../../../../runbooks/step22-production-cutover.run.md"),
        include_str!("../golden/step22-production-cutover.plan.txt"),
    ),
];

/// Returns the lines that are neither a mark, nor a fence nor a setting of ours.
fn prose(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let (mut in_fence, mut in_block) = (false, false);
    for line in text.lines() {
        let content = line.trim();
        if content.starts_with("```toml ") || (in_fence && content == "```") {
            in_fence = !in_fence;
            continue;
        }
        in_block = ["runbook:", "roles:", "values:"].contains(&line)
            || (in_block && line.starts_with("  ") && !content.is_empty());
        let bare = match line.find(" <!-- run") {
            Some(at) => {
                let end = line[at..].find("-->").unwrap() + at + 3;
                format!("{}{}", &line[..at], &line[end..])
            }
            None => line.to_owned(),
        };
        if !in_fence && !in_block && !content.is_empty() && content != "---" {
            lines.push(bare);
        }
    }
    lines
}

#[test]
fn each_imports_and_waits_for_a_person() {
    for (name, seed, confirmed, _) in KNOWN {
        let imported = import(seed).unwrap();
        assert!(imported.inferred >= 12, "{name}");
        let problems = lint(&imported.text, &Options::default());
        let unconfirmed = problems.iter().filter(|problem| problem.rule == "unconfirmed").count();
        assert_eq!(unconfirmed, imported.inferred, "{name}: {problems:?}");
        let stray = problems.iter().find(|problem| problem.rule == "mark");
        assert_eq!(stray, None, "{name}");
        assert!(plan(&imported.text, &Options::default()).plan.is_none(), "{name}");
        assert_eq!(prose(&imported.text), prose(seed), "{name}");
        assert_eq!(prose(confirmed), prose(seed), "{name}");
    }
}

#[test]
fn each_confirmed_one_has_a_plan() {
    for (name, _, confirmed, shown) in KNOWN {
        let planned = plan(confirmed, &Options::default());
        let grave: Vec<_> = planned.problems.iter().filter(|problem| problem.is_fault()).collect();
        assert!(grave.is_empty(), "{name}: {grave:?}");
        // The only thing that is left to say is who the people are.
        assert!(planned.problems.iter().all(|problem| problem.rule == "placeholder"), "{name}");
        assert_eq!(planned.plan.unwrap().to_string() + "\n", shown, "{name}");
        assert_eq!(runbook::format(confirmed).unwrap(), confirmed, "{name}");
    }
}

#[test]
fn readiness_carries_nothing_out_that_changes_something() {
    for (name, _, confirmed, _) in KNOWN {
        let options = Options { mode: Some(runbook::Mode::Readiness), environment: None };
        let plan = plan(confirmed, &options).plan.unwrap();
        for step in plan.all_steps() {
            assert_eq!(
                step.carried_out,
                step.class == runbook::Class::Observe,
                "{name} {}",
                step.id
            );
        }
    }
}
