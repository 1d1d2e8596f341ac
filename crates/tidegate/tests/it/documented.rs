//! What commands print for machines has the keys that its documentation shows, and no others.

use std::{collections::BTreeSet, fs, path::Path};

use evidence::{Recorder, Redactor, Signer, folder};
use serde_json::{Value, json};

use super::command::{run, tidegate};

const RUNBOOKS: &str = include_str!("../../../../docs/runbooks.md");
const EVIDENCE: &str = include_str!("../../../../docs/evidence.md");
const GUARDS: &str = include_str!("../../../../docs/guards.md");
const MANUALS: [&str; 2] = [
    include_str!("../../../../docs/operations/handover-operations-manual.md"),
    include_str!("../../../../docs/operations/incident-and-rollback-playbook.md"),
];

const PLAIN: &str = "# Change\n\n## Procedure\n\n1. Set `MODE=new` with `API_KEY=x`.\n";

const RUNBOOK: &str = "---
runbook:
  version: 1
  mode: rehearsal
  environment: staging
  owner: operator
  window: 90m
  rto: 15m
roles:
  operator: Ana Ruiz example.com/ana+KEY
  lead: <lead>
---
# Change

## Gates <!-- run: section gates -->

| Gate ID | Check | Command / Evidence | Pass condition | Owner |
|---|---|---|---|---|
| G1 | Tests | `make test` | Exit code 0 | `<operator>` <!-- run: command class=observe --> |

## Timeline <!-- run: section timeline -->

| Time | Owner | Required actions | Evidence output |
|---|---|---|---|
| T0 | operator | Set `MODE=new`. | Log <!-- run: flag id=S1 undo=R1 after=G1 --> |

## Steps <!-- run: section steps -->

1. Run the canary. <!-- run: traffic id=S2 -->

   ```toml traffic
   weight_percent = 10
   hold = \"30m\"
   requests_per_second = 20
   connections = 400
   ```

   ```toml undo
   what = \"take the canary out\"
   commands = [[\"canary\", \"out\"]]
   flags = [\"CANARY=off\"]
   ```

   ```toml guard
   id = \"errors\"
   measure = \"errors\"
   source = \"requests\"
   watch = \"S2\"
   stable_rate = \"0.5%\"
   ratio = 4.0
   ```

2. Wait. <!-- run: guard id=S3 guards=errors -->
3. Look at `/health` for `status=ok` and `checks.database` in `<= 1 s`. <!-- run: http-expect id=S4 -->
4. Look again. <!-- run: repeat id=S5 of=S4 -->
5. Compare. <!-- run: compare id=S6 with=S4 -->

## Back <!-- run: section rollback -->

1. Set `MODE=old`. <!-- run: flag id=R1 -->
";

/// Returns the example that stands behind the name of a command.
fn example(document: &str, command: &str) -> Value {
    let name = format!("`tidegate {command} --json`");
    let at = document.find(&name).unwrap_or_else(|| panic!("{name} is not there"));
    let (_, rest) = document[at..].split_once("```json\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"))
}

/// Gathers the ways to all keys; of a list those of all its items together.
fn keys(value: &Value, way: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let way = format!("{way}.{key}");
                keys(value, &way, found);
                found.insert(way);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, &format!("{way}[]"), found)),
        _ => {}
    }
}

#[track_caller]
fn check(document: &str, command: &str, printed: &Value) {
    let (mut shown, mut there) = (BTreeSet::new(), BTreeSet::new());
    keys(&example(document, command), "", &mut shown);
    keys(printed, "", &mut there);
    let (missing, gone) = (there.difference(&shown), shown.difference(&there));
    let (missing, gone): (Vec<_>, Vec<_>) = (missing.collect(), gone.collect());
    assert!(
        missing.is_empty() && gone.is_empty(),
        "{command}: not shown {missing:#?}, not printed {gone:#?}\n{printed:#}"
    );
}

fn printed(words: &[&str], file: &Path) -> Value {
    run(tidegate(words).arg(file).arg("--json")).json()
}

#[test]
fn runbooks() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("change.run.md");
    let key = Signer::from_seed("example.com/ana".parse().unwrap(), [1; 32]).unwrap();
    let text = RUNBOOK.replace("example.com/ana+KEY", &key.verifier().to_string());
    fs::write(&file, text).unwrap();
    check(RUNBOOKS, "runbook lint", &printed(&["runbook", "lint"], &file));
    check(RUNBOOKS, "runbook plan", &printed(&["runbook", "plan"], &file));
    fs::write(&file, PLAIN).unwrap();
    check(RUNBOOKS, "runbook import", &printed(&["runbook", "import"], &file));
}

#[test]
fn evidence() {
    let dir = tempfile::tempdir().unwrap();
    let signer = Signer::from_seed("example.com/log".parse().unwrap(), [1; 32]).unwrap();
    let mut log = Recorder::new("example.com/runs/1", Redactor::default()).unwrap();
    let at = "2026-11-22T01:00:00Z".parse().unwrap();
    let plan = evidence::Hash::of(b"plan");
    log.record(at, "begun", &json!({"plan": plan}), Vec::new()).unwrap();
    let made = dir.path().join("evidence");
    folder::write(&made, &log, &signer).unwrap();
    fs::write(made.join("notes.txt"), "x").unwrap();
    let text = fs::read_to_string(made.join("checkpoint")).unwrap().replacen("\n1\n", "\n2\n", 1);
    fs::write(made.join("checkpoint"), text).unwrap();
    check(EVIDENCE, "evidence verify", &printed(&["evidence", "verify"], &made));
}

#[test]
fn guards() {
    let words = ["guard", "simulate", "--minutes", "1", "--runs", "2", "--clients", "10", "--json"];
    check(GUARDS, "guard simulate", &run(&mut tidegate(&words)).json());
}

/// Returns the calls of `tidegate` that a document has as code: in fences, and between backticks.
fn calls(document: &str) -> Vec<String> {
    let lines = document.lines().map(str::trim);
    let alone = lines.filter(|line| line.starts_with("tidegate "));
    let between = document.split('`').filter(|code| code.starts_with("tidegate "));
    let first_line = |code: &str| code.lines().next().unwrap_or_default().to_owned();
    alone.chain(between).map(first_line).collect()
}

/// A call with a command that is there, and options that it has.
#[test]
fn manuals_call_what_is_there() {
    let calls: Vec<_> = MANUALS.iter().flat_map(|document| calls(document)).collect();
    assert!(calls.len() > 5, "{calls:?}");
    for call in calls {
        let words = call.split_whitespace().skip(1);
        let is_command = |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let command: Vec<_> = words
            .clone()
            .take_while(|word| is_command(word) && !word.starts_with('-'))
            .chain(["--help"])
            .collect();
        let help = run(&mut tidegate(&command));
        assert_eq!(help.code, 0, "{call}: {help:?}");
        for option in words.filter(|word| word.starts_with("--")) {
            assert!(help.out.contains(option), "{call}: there is no {option}");
        }
    }
}
