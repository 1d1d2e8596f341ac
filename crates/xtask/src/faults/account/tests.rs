//! What a rehearsal leaves behind becomes a row, and what is wrong with it is told.

use std::time::Duration;

use super::Account;

const STATUS: &str = r#"{
  "phase": "rolled-back",
  "steps": [
    {"id": "G1", "kind": "sign-off", "begun_at": "2026-11-22T19:06:29Z"},
    {"id": "S3t", "kind": "traffic", "begun_at": "2026-11-22T19:06:32.500Z"}
  ],
  "clocks": {"since_ms": 4994, "new_traffic_ms": 31, "residual_ms": 448}
}"#;

const SAMPLES: &str = r#"{"of":"traffic","at":"2026-11-22T19:06:32.8Z","canary_percent":15.0}
{"of":"guard","at":"2026-11-22T19:06:33.0Z","guard":"lost","verdict":"PASS","n":3.0}
{"of":"guard","at":"2026-11-22T19:06:35.6Z","guard":"lost","verdict":"FAIL","n":9.0}
{"of":"guard","at":"2026-11-22T19:06:36.6Z","guard":"lost","verdict":"FAIL","n":12.0}
"#;

const LEDGER: &str = concat!(
    r#"{"checked":900,"lost":4,"repeated":0,"reordered":0,"altered":0,"double_effects":0,"#,
    r#""connects":{"stable":200,"canary":30,"unknown":0}}"#,
);

fn account(passed: bool, reasons: &str, samples: &str) -> Account {
    let printed = format!(
        r#"{{"run":"r","phase":"gates"}}
        {{"passed":{passed},"reasons":[{reasons}],"clients":{{"ledger":{LEDGER}}}}}
"#
    );
    let took = Duration::from_secs(14);
    Account::read(&printed, STATUS, samples, took).expect("it is an account")
}

#[test]
fn a_fault_that_its_guard_saw_is_a_row_without_trouble() {
    let account = account(true, "", SAMPLES);
    assert_eq!(
        account.row("lose=1/200"),
        "| `lose=1/200` | `lost` | 3.1 s | 31 ms | 448 ms | 900 | 4 | 0 | 0 | 0 | 0 | 30 | PASSED \
         | 14 s |"
    );
    assert!(account.troubles(Some(&["errors", "lost"])).is_empty());
    assert_eq!(account.troubles(Some(&["errors"])), ["errors did not see it"]);
    assert_eq!(account.troubles(None), ["the guard lost failed it"]);
}

#[test]
fn a_good_candidate_has_no_guard_against_it() {
    let good = account(true, "", SAMPLES.lines().next().expect("there is one"));
    assert!(good.troubles(None).is_empty());
    assert!(good.row("good-1").starts_with("| `good-1` | - | - | 31 ms |"));
    let not_passed = account(false, r#""S2 did not pass""#, "");
    assert_eq!(not_passed.troubles(None), ["S2 did not pass"]);
    assert_eq!(account(false, "", "").troubles(None), ["it did not pass"]);
}

#[test]
fn what_is_no_account_is_told() {
    let took = Duration::ZERO;
    assert!(Account::read("nothing", STATUS, "", took).is_err());
    let printed = r#"{"passed":true,"reasons":[],"clients":{"ledger":{"checked":1}}}"#;
    assert!(Account::read(printed, STATUS, "", took).is_err());
}
