//! The plan as it is shown: all that would be carried out, and nothing that a terminal obeys.

use runbook::{Options, plan};

const DOCUMENT: &str = "---
runbook:
  version: 1
  mode: rehearsal
  owner: operator
  environment: here\u{1b}[2J
roles:
  operator: Ana\u{1b}[31m Ruiz\u{202e}
---
# Title\u{7}

## Steps <!-- run: section steps -->

1. Set `A=1`.\u{1b}[1A <!-- run: flag id=S1 -->

   ```toml undo
   what = \"put it\\nPlan: sha256:00\"
   commands = [[\"put\", \"it back\"], [\"look\\u001b[2J\"]]
   flags = [\"A=0\"]
   ```

2. Wait. <!-- run: guard id=S2 guards=\"g\" -->

```toml guard
id = \"g\"
measure = \"zero\"
source = \"x\"
what = \"loss\\u001b[2J\\nPlan: sha256:00\"
```
";

#[test]
fn nothing_in_it_is_obeyed_by_a_terminal_or_makes_a_line_of_its_own() {
    let planned = plan(DOCUMENT, &Options::default());
    let shown = planned.plan.unwrap_or_else(|| panic!("{:?}", planned.problems)).to_string();
    let is_obeyed = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!shown.contains(is_obeyed), "{shown:?}");
    for part in [
        "here\\u{1b}[2J",
        "Ana\\u{1b}[31m Ruiz\\u{202e}",
        "Title\\u{7}",
        "sees one loss\\u{1b}[2J\\u{a}Plan: sha256:00",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert_eq!(shown.lines().filter(|line| line.starts_with("Plan: ")).count(), 1, "{shown}");
}

#[test]
fn what_undoes_a_step_is_shown_as_it_is_carried_out() {
    let shown = plan(DOCUMENT, &Options::default()).plan.unwrap().to_string();
    for line in ["        undone by $ put 'it back'", "        undone by A=0"] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
}
