//! Tests of the import: nothing but marks and blocks is new, and nothing of it is confirmed.

use proptest::prelude::*;

use super::*;
use crate::{Options, lint};

/// Takes away what an import may put in.
fn without_marks(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" <!-- run? ") {
        out.push_str(&rest[..at]);
        let end = rest[at..].find("-->").unwrap() + at + 3;
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

fn without_blocks(text: &str, had_front: bool) -> String {
    let end = text.find("\nroles:\n").unwrap() + 8;
    let length: usize = text[end..]
        .lines()
        .take_while(|line| line.starts_with("  "))
        .map(|line| line.len() + 1)
        .sum();
    let start = text.find("runbook:\n").unwrap();
    let inner = format!("{}{}", &text[..start], &text[end + length..]);
    if had_front { inner } else { inner.strip_prefix("---\n---\n\n").unwrap().to_owned() }
}

#[test]
fn an_import_is_no_runbook_before_it_is_confirmed() {
    let text = "# T\n\n## Procedure\n\n1. Set `X=1`.\n2. Look at `/health`.\n";
    let imported = import(text).unwrap();
    assert_eq!(imported.inferred, 3);
    assert_eq!(without_blocks(&without_marks(&imported.text), false), text);
    let problems = lint(&imported.text, &Options::default());
    assert_eq!(problems.iter().filter(|problem| problem.rule == "unconfirmed").count(), 3);
    assert_eq!(import(&imported.text).unwrap_err().rule, "front-matter");
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "# Title\n",
        "## Rollback Plan\n",
        "## Steps ##\n",
        "Gates\n-----\n",
        "1. ",
        "- ",
        "  - ",
        "- [ ] ",
        "set `A=1`",
        "`/x`",
        "a:\n",
        "\n",
        "\n\n",
        "> ",
        "| Gate ID | Owner |\n|---|---|\n",
        "| G | `<x>` |\n",
        "```\n",
        "text ",
        "é ",
        "<!-- c -->",
        "\\",
        "**b** ",
        "`bash x.sh` ",
        "\t",
        "\r\n",
        "    ",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nothing_else_is_touched(text in pieces()) {
        let imported = import(&text).unwrap();
        prop_assert_eq!(without_blocks(&without_marks(&imported.text), false), text);
    }

    #[test]
    fn nothing_that_was_inferred_can_be_carried_out(text in pieces()) {
        let imported = import(&text).unwrap();
        let planned = crate::plan(&imported.text, &Options::default());
        prop_assert!(planned.plan.is_none());
    }
}
