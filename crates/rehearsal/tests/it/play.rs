//! Whole rehearsals of a small runbook: kept where the new version is good, taken back where a replica
//! of it is lost, and not passed where nothing was shown.

use std::{fs, path::Path, time::Duration};

use conductor::{Onlooker, Pace, Phase};
use evidence::Outcome;
use rehearsal::{Deciders, Fault, Play, PlaySettings, Played, Script, ServerProgram};
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

fn settings(folder: &Path, script: &str, fault: Option<Fault>) -> PlaySettings {
    let plan = planned();
    let script = Script::read(script, &plan).unwrap_or_else(|error| panic!("{error}"));
    PlaySettings {
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
        anvil: "anvil".into(),
        deciders: Deciders::StandIns,
        drain: Duration::from_secs(3),
        commands_in: folder.to_owned(),
        lease: Duration::from_secs(30),
    }
}

async fn play(folder: &Path, script: &str, fault: Option<Fault>) -> Played {
    let settings = settings(folder, script, fault);
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
    // It shows what guards see, and vouches for no release.
    assert_ne!(played.certificate.result, Outcome::Passed);
    let withheld = played.certificate.not_for_production.join("; ");
    assert!(withheld.contains("the guard crashes said FAIL"), "{withheld}");
    assert!(withheld.contains("replica-killed=canary-1 broke something"), "{withheld}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_otherwise_than_it_should_has_not_passed() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("rollback_at = \"S5\"\n{SCRIPT}");
    let played = play(folder.path(), &script, None).await;
    assert_eq!(played.phase, Phase::RolledBack, "{}", journal(&played));
    assert_eq!(played.certificate.result, Outcome::Failed);
    assert!(
        played.reasons[0].contains("the run ended rolled-back, and kept was meant"),
        "{:?}",
        played.reasons
    );
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
    let huge = SCRIPT
        .replace("readers = 20", "readers = 100000000")
        .replace("publishers = 5", "publishers = 10001")
        .replace("replicas = 2", "replicas = 0");
    let faults = Script::read(&huge, &planned()).unwrap_err().0;
    assert_eq!(faults.len(), 3, "{faults:?}");
    for rate in ["nan", "inf", "-1.0", "1e-300", "1e9"] {
        let odd = SCRIPT.replace("[load]", &format!("[load]\npairs_per_second = {rate}"));
        let faults = Script::read(&odd, &planned()).unwrap_err();
        let said = faults.to_string();
        assert!(said.starts_with("the rehearsal's script has 1 fault:\n"), "{rate}: {said}");
        assert!(said.contains("`pairs_per_second` is 0, or a number from"), "{rate}: {said}");
        let chain = format!("[stack]\nchain = {{ transactions_per_second = {rate} }}");
        let faults = Script::read(&SCRIPT.replace("[stack]", &chain), &planned()).unwrap_err();
        let said = faults.to_string();
        assert!(said.contains("[stack.chain]: `transactions_per_second` is 0, or a"), "{said}");
    }
    assert!(Script::read("format = 1\nends = \"kept\"\nx = 1\n", &planned()).is_err());
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |change: &dyn Fn(&mut PlaySettings)| {
        let mut settings = settings(folder.path(), SCRIPT, None);
        change(&mut settings);
        settings.check().map_err(|error| format!("{error:?}")).unwrap_err()
    };
    assert!(settings(folder.path(), SCRIPT, None).check().is_ok());
    for list in ["", "seed=7", "None", "errors=200%"] {
        let why = refused(&|settings| settings.inject = Some(list.to_owned()));
        assert!(why.starts_with("Inject"), "{list}: {why}");
    }
    let why = refused(&|settings| settings.candidate = ServerProgram::new("/etc/passwd"));
    assert!(why.contains("/etc/passwd is no server of Tidegate"), "{why}");
    let script = format!("inject = \"seed=7\"\n{SCRIPT}");
    let faults = Script::read(&script, &planned()).unwrap_err().0;
    assert!(faults[0].contains("makes nothing wrong"), "{faults:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_so_on_the_way_back_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let script = SCRIPT.replace("\"kept\"", "\"rolled-back\"");
    let script = script.replace("check = \"ledgers\"", "check = \"setting NOBODY=HAS_IT\"");
    let script = format!("rollback_at = \"S5\"\n{script}");
    let played = play(folder.path(), &script, None).await;
    assert_eq!(played.certificate.result, Outcome::Failed);
    let why = &played.reasons[0];
    assert_eq!(why, "on the way back C1 is not so: stable-1 has no NOBODY", "{}", journal(&played));
    assert_eq!(played.phase, Phase::RollingBack);
    let stated = played.stated("log").unwrap();
    assert!(stated.outputs.iter().any(|(name, _)| name == "rehearsal.json"), "{stated:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_too_long_says_what_it_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("within = \"1s\"\n{}", SCRIPT.replace("pace = 20", "pace = 1"));
    let played = play(folder.path(), &script, None).await;
    assert_eq!(played.certificate.result, Outcome::Failed);
    let why = &played.reasons[0];
    assert!(why.starts_with("it was not over after 1 s, and then: "), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_wrong_is_mended_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let fault = "[fault]\nwhat = \"redis-slow=5ms\"\nat = \"S4\"\nfor = \"1s\"\n[steps.S2]";
    let script = SCRIPT.replace("[steps.S2]", fault);
    let played = play(folder.path(), &script, None).await;
    assert_eq!(played.reasons, Vec::<String>::new(), "{}", journal(&played));
    let around = &played.how["made_wrong_on_purpose"]["around"];
    assert_eq!(around["what"], "redis-slow=5ms");
    assert!(around["broken_at"].is_string() && around["mended_at"].is_string(), "{around}");
    assert_eq!(played.how["only_said"], serde_json::json!(["G2", "S5"]));
}

#[test]
fn a_candidate_that_nothing_starts_is_none() {
    let plan = planned();
    let starts = |text: &str| Script::read(text, &plan).unwrap().starts_candidate(&plan);
    assert!(starts(SCRIPT));
    let without = |act: &str, text: &str| text.replace(&format!("do = \"{act}\""), "say = \"so\"");
    let promoted = without("deploy-candidate", SCRIPT);
    assert!(starts(&promoted));
    let none = without("promote", &promoted);
    assert!(!starts(&none));
    assert!(starts(&none.replace("[stack]", "[stack]\ncandidate = true")));
    let failing = format!("inject = \"errors=20%\"\n{none}");
    let faults = Script::read(&failing, &plan).unwrap_err().0;
    assert!(faults[0].starts_with("`inject` is for a candidate"), "{faults:?}");
    Script::read(&failing.replace("errors=20%", "none"), &plan).unwrap();
}

#[test]
fn what_can_not_be_broken_is_refused_before_anything_is_started() {
    let plan = planned();
    let script = Script::read(SCRIPT, &plan).unwrap();
    for (fault, word) in [
        ("database-killed", "server of the database"),
        ("replica-killed=stable-9", "stable-1, stable-2, canary-1"),
    ] {
        let fault = Fault::parse(fault).unwrap();
        let faults = script.check_fault(&fault, &plan).unwrap_err().0;
        assert!(faults[0].contains(word), "{faults:?}");
    }
    let without =
        SCRIPT.replace("[stack]", "[fault]\nwhat = \"redis-hangs\"\n[stack]\nredis = false");
    let faults = Script::read(&without, &plan).unwrap_err().0;
    assert!(faults[0].contains("there is no Redis"), "{faults:?}");
}
