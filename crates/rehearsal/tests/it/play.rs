//! Whole rehearsals of a small runbook: kept where the new version is good, taken back where a replica
//! of it is lost, and not passed where nothing was shown.

use std::{fs, path::Path, time::Duration};

use conductor::{Onlooker, Pace, Phase};
use evidence::Outcome;
use rehearsal::{Fault, Play, PlaySettings, Played, Script};
use runbook::{Mode, Options, Plan, plan};
use tokio::sync::watch;

use super::support::field::server;

const RUNBOOK: &str = r#"---
runbook:
  version: 1
  mode: rehearsal
  owner: operator
  rto: 10m
roles:
  operator: Ana Ruiz
  lead: Bo Lind
---

# A small release

## Gates <!-- run: section gates -->

- `/ready` says that it is. <!-- run: http-expect id=G1 -->
- The lead is here. <!-- run: sign-off id=G2 owner=lead -->

## Steps <!-- run: section steps -->

1. Keep what runs. <!-- run: capture id=S1 -->
2. Start the new version. <!-- run: external id=S2 class=converge undo=R2 -->
3. Give it traffic. <!-- run: traffic id=S3 undo=R1 -->

   ```toml traffic
   weight_percent = 40
   hold = "60s"
   ```

4. Nothing was lost. <!-- run: guard id=S4 guards=ledgers -->
5. Go on? <!-- run: decision id=S5 owner=lead -->
6. Every replica becomes the new version. <!-- run: external id=S6 class=converge undo=R2 -->
7. Take the canary out. <!-- run: external id=S7 class=converge undo=R1 -->

```toml guard
id = "ledgers"
measure = "zero"
source = "ledger"
what = "event lost, repeated or out of order"
```

```toml guard
id = "crashes"
measure = "restarts"
source = "supervisor"
restarts = 0
within = "10m"
```

## Way back <!-- run: section rollback -->

1. Take the canary out. <!-- run: external id=R1 class=converge within=1m -->
2. End it. <!-- run: external id=R2 class=converge within=1m -->
3. Look again. <!-- run: repeat id=R3 of=G1 way=after -->

## At the end <!-- run: section checklist -->

- [ ] Clients had everything. <!-- run: sign-off id=C1 owner=lead -->
"#;

const SCRIPT: &str = r#"
format = 1
ends = "kept"
pace = 20

[stack]
replicas = 2

[stack.settings]
REALTIME_BACKEND = "redis"

[load]
readers = 20
publishers = 5
events_per_second = 20

[steps.S2]
do = "deploy-candidate"
[steps.S6]
do = "promote"
[steps.S7]
do = "withdraw"
[steps.R1]
do = "withdraw"
[steps.R2]
do = "end-candidate"
[steps.C1]
check = "ledgers"
"#;

fn planned() -> Plan {
    let options = Options { mode: Some(Mode::Rehearsal), environment: None };
    let planned = plan(RUNBOOK, &options);
    planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems))
}

async fn play(folder: &Path, script: &str, fault: Option<Fault>) -> Played {
    let plan = planned();
    let script = Script::read(script, &plan).unwrap_or_else(|error| panic!("{error}"));
    let settings = PlaySettings {
        run: "rehearsal-1".into(),
        document: RUNBOOK.into(),
        pace: Pace::new(script.pace).expect("a script has a pace"),
        plan,
        script,
        folder: folder.to_owned(),
        stable: server(),
        candidate: server(),
        inject: None,
        fault,
        surreal: "surreal".into(),
        drain: Duration::from_secs(3),
        commands_in: folder.to_owned(),
        lease: Duration::from_secs(30),
    };
    let play = Play::begin(settings, &mut |_| {}).await.unwrap_or_else(|error| panic!("{error:?}"));
    let (_stop, stopped) = watch::channel(false);
    play.run(stopped).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Returns the folder of a rehearsal that is over.
fn journal(played: &Played) -> String {
    fs::read_to_string(played.run_folder.join("journal")).expect("a run has a journal")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_release_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let played = play(folder.path(), SCRIPT, None).await;
    assert_eq!(played.reasons, Vec::<String>::new(), "{}", journal(&played));
    assert_eq!((played.phase, played.certificate.result), (Phase::Kept, Outcome::Passed));
    assert!(played.load.ledger.requests.canary > 0, "{:?}", played.load.ledger);
    let run = Onlooker::open(&played.run_folder).unwrap();
    let carried_out = run.plan.gates.iter().chain(&run.plan.steps).chain(&run.plan.closing);
    for step in carried_out {
        assert!(run.state.has_passed(&step.id), "{}", step.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_crashes_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let script = SCRIPT.replace("\"kept\"", "\"rolled-back\"");
    let fault = Fault::parse("replica-killed=canary-1").unwrap();
    let played = play(folder.path(), &script, Some(fault)).await;
    let journal = journal(&played);
    assert_eq!(played.phase, Phase::RolledBack, "{journal}");
    assert!(journal.contains(r#""guard":"crashes","verdict":"FAIL""#), "{journal}");
    assert!(played.load.ledger.is_clean(), "{:?}", played.load);
    let run = Onlooker::open(&played.run_folder).unwrap();
    for step in ["R1", "R2", "R3", "C1"] {
        assert!(run.state.has_passed(step), "{step}: {journal}");
    }
    assert!(!journal.contains(r#""step":"S6""#), "{journal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_otherwise_than_it_should_has_not_passed() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("rollback_at = \"S5\"\n{SCRIPT}");
    let played = play(folder.path(), &script, None).await;
    assert_eq!(played.phase, Phase::RolledBack, "{}", journal(&played));
    assert_eq!(played.certificate.result, Outcome::Failed);
    assert!(played.reasons[0].contains("Kept was meant"), "{:?}", played.reasons);
}

#[test]
fn a_script_that_makes_no_sense_is_refused_with_all_that_is_wrong() {
    let wrong = SCRIPT
        .replace("readers = 20", "readers = 0")
        .replace("[steps.S6]", "[steps.S9]")
        .replace("[steps.C1]", "[steps.S1]")
        .replace("format = 1", "format = 2");
    let faults = Script::read(&wrong, &planned()).unwrap_err().0;
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(Script::read("format = 1\nends = \"kept\"\nx = 1\n", &planned()).is_err());
}
