//! Secrets in runbooks: found whatever form they have, and shown by no command.

use std::fs;

use super::command::{run, tidegate};

const DOCUMENT: &str = "---
runbook:
  version: 1
  mode: rehearsal
  owner: operator
roles:
  operator: Ana
values:
  host: localhost
---
# Change

## Steps <!-- run: section steps -->

1. Do `make it`. <!-- run: command id=S1 class=converge -->
2. Look at `/health`. <!-- run: http-expect id=S2 -->

## Back <!-- run: section rollback -->

1. Set `MODE=old`. <!-- run: flag id=R1 -->
";

/// Each changes one thing of the sound document, and puts `hunter2` into it.
const SECRETS: [(&str, &str); 20] = [
    ("`make it`", "`DB_PASS=hunter2 make`"),
    ("`make it`", "`env DB_PASS=hunter2 make`"),
    ("`make it`", "`make --password=hunter2`"),
    ("`make it`", "`make --password hunter2`"),
    ("`make it`", "`curl -u user:hunter2 http://h`"),
    ("`make it`", "`redis-cli -a hunter2 ping`"),
    ("`make it`", "`curl -H 'x-api-key: hunter2' http://h`"),
    ("`make it`", "`curl -H 'Authorization: Basic Zm9vOmh1bnRlcjI='`"),
    ("`make it`", "`make db_password=hunter2`"),
    ("`make it`", "`make DB_PASS=hunter2 HOST=<host>`"),
    ("`make it`", "`make DB_PASS=<host>hunter2`"),
    ("`make it`", "`make redis://u:hunter2@h ; sh`"),
    ("`/health`", "`http://h/x?api_key=hunter2`"),
    ("`/health`", "`http://u:<word>@h/`"),
    ("`/health`", "`db.password=hunter2` and `/health`"),
    ("  host: localhost", "  db_password: hunter2"),
    ("id=S1 class", "id=S1 DB_PASS=hunter2 class"),
    ("mode: rehearsal", "mode: DB_PASS=hunter2"),
    ("# Change", "# Change DB_PASS=hunter2"),
    ("# Change", "```sh\nexport DB_PASS=hunter2\n```\n\n# Change"),
];

#[test]
fn no_command_shows_one_and_each_finds_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.run.md");
    fs::write(&file, DOCUMENT).unwrap();
    let sound = run(tidegate(&["runbook", "plan"]).arg(&file));
    assert_eq!(sound.code, 0, "{sound:?}");
    for (from, to) in SECRETS {
        assert_eq!(DOCUMENT.matches(from).count(), 1, "{from}");
        // A value makes a password of an address that has none.
        let text = DOCUMENT.replace(from, to).replace("  host: ", "  word: hunter2\n  host: ");
        fs::write(&file, &text).unwrap();
        for words in [["lint", "--fix"], ["plan", "--json"], ["plan", "--mode=production"]] {
            let mut command = tidegate(&["runbook", words[0]]);
            let ran = run(command.arg(&file).arg(words[1]));
            assert_eq!(ran.code, 1, "{to}: {ran:?}");
            let both = format!("{}{}", ran.out, ran.err);
            assert!(both.contains("stands in the clear"), "{to}: {ran:?}");
            assert!(!both.contains("hunter2") && !both.contains("Zm9vOmh1"), "{to}: {ran:?}");
        }
    }
}

#[test]
fn an_import_says_what_stands_in_the_clear() {
    let dir = tempfile::tempdir().unwrap();
    let (plain, out) = (dir.path().join("a.md"), dir.path().join("a.run.md"));
    fs::write(&plain, "# T\n\n## Procedure\n\n1. Run `make DB_PASS=hunter2`.\n").unwrap();
    let ran = run(tidegate(&["runbook", "import"]).arg(&plain).arg("--out").arg(&out));
    assert_eq!(ran.code, 0, "{ran:?}");
    let told = "line 14: the secret of DB_PASS stands in the clear; write `secret:NAME`";
    assert!(ran.err.contains(told) && !ran.err.contains("hunter2"), "{ran:?}");
    assert!(fs::read_to_string(&out).unwrap().lines().nth(13).unwrap().contains("DB_PASS"));
    let json = run(tidegate(&["runbook", "import", "--json"]).arg(&plain)).json();
    assert_eq!(json["problems"][0]["rule"], "secret", "{json}");
}
