//! Runbooks for several environments: what is for another one is neither in the plan nor named by it.

use runbook::{Options, Plan, lint, plan};

const DOCUMENT: &str = "---
runbook:
  version: 1
  mode: rehearsal
  owner: operator
  window: 30m
  environment: staging
roles:
  operator: Ana Ruiz
---
# Title

## In staging <!-- run: section steps environment=staging -->

1. Give it a share. <!-- run: traffic id=S1 at=T0 undo=R1 -->

   ```toml traffic
   weight_percent = 10
   hold = \"10m\"
   ```

2. Wait. <!-- run: guard id=S2 at=T+10 guards=down -->

   ```toml guard
   id = \"down\"
   measure = \"down\"
   source = \"/health\"
   within = \"1m\"
   ```

3. Look again. <!-- run: repeat id=S3 of=S2 -->

## In production <!-- run: section steps environment=production -->

1. Give it a share. <!-- run: traffic id=P1 at=T+60 undo=R1 -->

   ```toml traffic
   weight_percent = 10
   hold = \"30m\"
   requests_per_second = 50
   ```

2. Wait. <!-- run: guard id=P2 guards=errors -->

   ```toml guard
   id = \"errors\"
   measure = \"errors\"
   source = \"requests\"
   watch = \"P1\"
   stable_rate = \"0.5%\"
   ratio = 4.0
   ```

## Back <!-- run: section rollback -->

1. Take it away. <!-- run: external id=R1 class=converge -->
";

fn faults(text: &str) -> Vec<String> {
    let problems = lint(text, &Options::default());
    problems.iter().filter(|problem| problem.is_fault()).map(ToString::to_string).collect()
}

fn made(environment: &str) -> Plan {
    let options = Options { mode: None, environment: Some(environment.into()) };
    let planned = plan(DOCUMENT, &options);
    planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems))
}

#[test]
fn each_has_its_own_steps_guards_and_window() {
    // T0 in one and T+60 in the other are not one window.
    for (environment, steps, watching) in [
        ("staging", &["S1", "S2", "S3"][..], &["down"][..]),
        // What watches no step is armed everywhere.
        ("production", &["P1", "P2"], &["down", "errors"]),
    ] {
        let plan = made(environment);
        let ids: Vec<_> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        assert_eq!(ids, steps, "{environment}");
        let guards: Vec<_> = plan.guards.iter().map(|guard| guard.spec.id.as_str()).collect();
        assert_eq!(guards, watching, "{environment}");
    }
}

#[test]
fn what_is_for_another_one_is_not_named() {
    for (from, to, told) in [
        (
            "of=S2",
            "of=P1",
            "line 31: S3 names the step P1 under `of`, which is for another environment",
        ),
        (
            "id=S1 at=T0",
            "id=S1 at=T0 after=P2",
            "line 15: S1 names the step P2 under `after`, which is for another environment",
        ),
        (
            "guards=down",
            "guards=errors",
            "line 22: S2 names the guard errors, which is for another environment",
        ),
        (
            "measure = \"down\"\n   source = \"/health\"\n   within = \"1m\"",
            "measure = \"latency\"\n   source = \"x\"\n   watch = \"P1\"\n   pairs = 500\n   ratio = 1.5",
            "line 24: the guard down watches P1, which is for another environment",
        ),
    ] {
        assert_eq!(DOCUMENT.matches(from).count(), 1, "{from}");
        let found = faults(&DOCUMENT.replace(from, to));
        assert!(found.iter().any(|fault| fault == told), "{told}\n{found:#?}");
    }
    assert_eq!(faults(DOCUMENT), [""; 0]);
}
