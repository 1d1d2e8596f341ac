//! What a step brings along to be taken back by: steps of the way back, the last one done first.

use runbook::{Class, Kind, Mode, Options, Plan, PlannedStep, UndoBy, plan};

const DOCUMENT: &str = "---
runbook:
  version: 1
  mode: rehearsal
  owner: operator
  rto: 1h
roles:
  operator: Ana Ruiz
---
# Title

## Steps <!-- run: section steps -->

1. Set `A=1`. <!-- run: flag id=S1 -->

   ```toml undo
   what = \"put A back\"
   flags = [\"A=0\"]
   ```

2. Deploy. <!-- run: external id=S2 class=once -->

   ```toml undo
   what = \"deploy the last one\"
   commands = [[\"deploy\", \"last one\"]]
   flags = [\"B=0\"]
   ```

3. Call. <!-- run: external id=S3 class=converge -->

   ```toml undo
   what = \"call it off\"
   ```
";

fn planned(text: &str, mode: Mode) -> Plan {
    let planned = plan(text, &Options { mode: Some(mode), environment: None });
    planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems))
}

fn ids(steps: &[PlannedStep]) -> Vec<&str> {
    steps.iter().map(|step| step.id.as_str()).collect()
}

#[test]
fn what_takes_a_step_back_is_a_step_of_the_way_back() {
    let plan = planned(DOCUMENT, Mode::Rehearsal);
    let primary = &plan.rollback.primary;
    assert_eq!(ids(primary), ["undo:S3", "undo:S2", "undo:S1"]);
    let kinds: Vec<_> = primary.iter().map(|step| (step.kind, step.class)).collect();
    let expected = [
        (Kind::External, Class::Converge),
        (Kind::Command, Class::Once),
        (Kind::Flag, Class::Converge),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(primary[1].undoes.as_deref(), Some("S2"));
    assert_eq!(primary[1].content.commands, [["deploy", "last one"]]);
    assert_eq!(primary[1].content.flags[0].name, "B");
    assert_eq!(primary[2].content.flags[0].value, "0");
    assert!(primary.iter().all(|step| step.carried_out && step.undo == UndoBy::Nothing));
    // How long all of it may take: what is said in words, programs, a setting.
    assert_eq!((plan.rto.primary_s, plan.rto.worst_s), (600 + 300 + 120, 1020));
    let shown = plan.to_string();
    assert!(shown.contains("Way back\n") && shown.contains("  undo:S3  "), "{shown}");
    assert!(planned(DOCUMENT, Mode::Readiness).rollback.primary.iter().all(|it| !it.carried_out));
}

#[test]
fn what_is_written_down_of_the_way_back_comes_behind_it() {
    let back =
        "\n## Back <!-- run: section rollback -->\n\n1. Set `C=0`. <!-- run: flag id=R1 -->\n";
    let plan = planned(&format!("{DOCUMENT}{back}"), Mode::Rehearsal);
    assert_eq!(ids(&plan.rollback.primary), ["undo:S3", "undo:S2", "undo:S1", "R1"]);
    assert_eq!(plan.rollback.primary[3].undoes, None);
    assert_eq!(plan.rto.primary_s, 1020 + 120);
}
