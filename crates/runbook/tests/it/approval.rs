//! Approvals bind to the digest of a plan.

use evidence::{Choice, Decision, Hash, LogState};
use runbook::{Mode, Options, Plan, plan};

const STEP22: &str = include_str!("../../../../runbooks/step22-production-cutover.run.md");

fn made(text: &str, options: &Options) -> Plan {
    plan(text, options).plan.unwrap()
}

fn approval(plan: &Plan) -> Decision {
    Decision {
        role: "release-manager".into(),
        decision: Choice::Go,
        reason: "all gates passed".into(),
        about: None,
        plan: Some(plan.resource().unwrap()),
        log: LogState { origin: "example.com/runs/1".into(), size: 0, root: Hash::of(b"") },
    }
}

#[test]
fn an_approval_is_for_one_plan_alone() {
    let before = made(STEP22, &Options::default());
    let approval = approval(&before);
    assert!(before.is_meant_by(&approval).unwrap());
    assert!(made(STEP22, &Options::default()).is_meant_by(&approval).unwrap());
    let rehearsal = Options { mode: Some(Mode::Rehearsal), environment: None };
    let elsewhere = Options { mode: None, environment: Some("eu".into()) };
    let others = [
        made(STEP22, &rehearsal),
        made(STEP22, &elsewhere),
        // Prose counts as well: it is what people approve of.
        made(&STEP22.replace("go/no-go gates, timeline", "gates, timeline"), &Options::default()),
        made(&STEP22.replace("within = \"10m\"", "within = \"11m\""), &Options::default()),
    ];
    for other in &others {
        assert_ne!(*other, before);
        assert!(!other.is_meant_by(&approval).unwrap());
    }
    assert!(!before.is_meant_by(&Decision { plan: None, ..approval }).unwrap());
}

#[test]
fn the_digest_is_made_as_the_documentation_says() {
    let plan = made(STEP22, &Options::default());
    let text = plan.canonical().unwrap();
    assert_eq!(plan.digest().unwrap(), Hash::of(text.as_bytes()));
    let json = text.strip_prefix("tidegate.plan.v1\n{\"alpha\":0.01,\"closing\":[{").unwrap();
    assert!(!json.contains('\n'));
    // Whoever has it as data writes the same.
    let read: serde_json::Value =
        serde_json::from_str(&text["tidegate.plan.v1\n".len()..]).unwrap();
    assert_eq!(read, serde_json::to_value(&plan).unwrap());
}
